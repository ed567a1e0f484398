#include "lawfit/double_double.hpp"

#include <limits>
#include <utility>

namespace lawfit {
namespace {

using Real = DoubleDouble;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// Beyond these e^x is no double, or less than the least normal one.
constexpr double most_exponent = 709, least_exponent = -745;
// Powers with whole exponents up to this are products.
constexpr double most_factors = 64;

Real scaled(Real x, int exponent) {
  return {std::ldexp(x.hi, exponent), std::ldexp(x.lo, exponent)};
}

// e^x − 1 for |x| <= 0.35: that of x/64 by its series, then six times (1 + e)² − 1 = 2e + e².
Real small_expm1(Real x) {
  constexpr int halvings = 6, terms = 13;
  const Real r = scaled(x, -halvings);
  Real sum = 1.0;
  for (int k = terms; k > 1; --k)
    sum = 1.0 + r * sum / static_cast<double>(k);
  Real e = r * sum;
  for (int k = 0; k < halvings; ++k)
    e = scaled(e, 1) + e * e;
  return e;
}

// x − k·(π/2) with k the nearest whole number, and k modulo 4.
std::pair<Real, int> within_quarter(Real x) {
  const double k = std::nearbyint(x.hi / 1.5707963267948966);
  const Real r = x - two_product(k, 1.5707963267948966) - two_product(k, 6.123233995736766e-17) -
                 two_product(k, -1.4973849048591698e-33);
  return {r, static_cast<int>(std::fmod(k, 4)) & 3};
}

// Σ (−1)^j·r^(2j)·first!/(first + 2j)!, by which sin r = r·series(1) and cos r = series(0).
Real series(Real r, int first) {
  const Real square = r * r;
  Real sum = 1.0;
  for (int k = 28 + first; k > first; k -= 2)
    sum = 1.0 - square * sum / static_cast<double>(k * (k - 1));
  return sum;
}

struct SineCosine {
  Real sine, cosine;
};

SineCosine sine_cosine(Real x) {
  if (!(std::abs(x.hi) <= 1e9))
    return {nan, nan};
  const auto [r, quarter] = within_quarter(x);
  const Real s = r * series(r, 1), c = series(r, 0);
  switch (quarter) {
  case 0:
    return {s, c};
  case 1:
    return {c, -s};
  case 2:
    return {-s, -c};
  default:
    return {-c, s};
  }
}

Real whole_power(Real x, int n) {
  Real product = 1.0, square = x;
  for (int left = std::abs(n); left > 0; left /= 2) {
    if (left % 2 == 1)
      product = product * square;
    if (left > 1)
      square = square * square;
  }
  return n < 0 ? 1.0 / product : product;
}

} // namespace

DoubleDouble sqrt(DoubleDouble x) {
  const double root = std::sqrt(x.hi);
  if (!(root > 0))
    return root;
  return fast_two_sum(root, ((x - two_product(root, root)) / (2 * root)).rounded());
}

DoubleDouble exp(DoubleDouble x) {
  if (!(x.hi <= most_exponent))
    return nan;
  if (x.hi < least_exponent)
    return 0.0;
  const double k = std::nearbyint(x.hi / 0.6931471805599453);
  const Real r = x - two_product(k, 0.6931471805599453) - two_product(k, 2.3190468138462996e-17) -
                 k * 5.707708438416212e-34;
  return scaled(1.0 + small_expm1(r), static_cast<int>(k));
}

DoubleDouble expm1(DoubleDouble x) {
  return std::abs(x.hi) <= 0.35 ? small_expm1(x) : exp(x) - 1.0;
}

// One step from the double: log x = y + log(x·e^−y), whose argument is 1 + d, d of rounding's size.
DoubleDouble log(DoubleDouble x) {
  if (x.hi > 0.5 && x.hi < 2)
    return log1p(x - 1.0);
  const double y = std::log(x.hi);
  if (!std::isfinite(y))
    return x.hi == 0 ? -std::numeric_limits<double>::infinity() : nan;
  // Halves, as e^−y may overflow where x is subnormal.
  const Real half = exp(Real(-0.5 * y));
  const Real d = x * half * half - 1.0;
  return Real(y) + (d - 0.5 * d.hi * d.hi);
}

DoubleDouble log1p(DoubleDouble x) {
  if (!(std::abs(x.hi) <= 1))
    return log(1.0 + x);
  const double y = std::log1p(x.hi);
  if (!std::isfinite(y))
    return y;
  // (1 + x)·e^−y − 1, without cancellation where x is small
  const Real rest = x + (1.0 + x) * expm1(Real(-y));
  return Real(y) + rest;
}

DoubleDouble sin(DoubleDouble x) { return sine_cosine(x).sine; }

DoubleDouble cos(DoubleDouble x) { return sine_cosine(x).cosine; }

DoubleDouble tan(DoubleDouble x) {
  const SineCosine at = sine_cosine(x);
  return at.sine / at.cosine;
}

// From the double y: atan x = y + atan((x·cos y − sin y)/(cos y + x·sin y)), the latter so small
// that it is its own tangent.
DoubleDouble atan(DoubleDouble x) {
  const double y = std::atan(x.hi);
  if (!std::isfinite(x.hi))
    return y;
  const SineCosine at = sine_cosine(y);
  return Real(y) + (x * at.cosine - at.sine) / (at.cosine + x * at.sine);
}

DoubleDouble tanh(DoubleDouble x) {
  const Real u = expm1(-2.0 * abs(x)), size = -u / (2.0 + u);
  return x.hi < 0 ? -size : size;
}

DoubleDouble pow(DoubleDouble x, DoubleDouble y) {
  if (y.lo == 0 && std::abs(y.hi) <= most_factors && y.hi == std::nearbyint(y.hi))
    return whole_power(x, static_cast<int>(y.hi));
  if (x.hi == 0)
    return y.hi > 0 ? 0.0 : nan;
  return exp(y * log(x));
}

} // namespace lawfit
