// The likelihood of counts: a rate y in [0, 1] out of w trials against a law's value f.
#pragma once

#include <cmath>
#include <limits>

namespace lawfit {

// y·log(y/f) + (1−y)·log((1−y)/(1−f)), half the deviance of one trial, and its derivatives by f.
// Its sum over w trials is least where the likelihood of w·y successes is greatest, be w fixed
// (binomial) or y·w (negative binomial: trials until so many successes).
struct BinomialTerm {
  double value;
  double d1;
  double information; // expectation of d2 when f is the truth: 1/(f(1−f))
  double d2;
};

// x·log(x/m) − d >= 0 for x >= 0, m > 0 and d = x − m, without cancellation where d is small: there
// log(x/m) = 2·artanh(v) is expanded in v = d/(x+m), as in Loader 2000, "Fast and accurate
// computation of binomial probabilities".
inline double poisson_term(double x, double m, double d) {
  const double v = d / (x + m);
  if (std::abs(v) > 0.1)
    return x > 0 ? x * std::log(x / m) - d : m;
  double sum = d * v, power = 2 * x * v;
  for (int k = 3; k < 20; k += 2) {
    power *= v * v;
    sum += power / k;
  }
  return sum;
}

// NaN where f has no likelihood: outside (0, 1), unless y is 0 or 1 itself and f is equal to it.
inline BinomialTerm binomial_term(double y, double f) {
  if (f > 0 && f < 1) {
    const double g = 1 - f, d = y - f, information = 1 / (f * g);
    return {poisson_term(y, f, d) + poisson_term(1 - y, g, -d), -d * information, information,
            y / f / f + (1 - y) / g / g};
  }
  if (f == y)
    return {0, y == 1 ? -1.0 : 1.0, 1, 1};
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return {nan, nan, nan, nan};
}

} // namespace lawfit
