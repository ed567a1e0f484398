// Numbers of 106 bits as the unevaluated sum of two doubles (Dekker 1971, Knuth 4.2.2). Needs
// -ffp-contract=off; uses no fma, so the bits are the same on every machine. What overflows is NaN.
#pragma once

#include <cmath>

namespace lawfit {

struct DoubleDouble {
  double hi = 0.0;
  double lo = 0.0;

  DoubleDouble() = default;
  DoubleDouble(double value) : hi(value) {}
  DoubleDouble(double high, double low) : hi(high), lo(low) {}
  double rounded() const { return hi + lo; }

  // To a few 1e-31 of the value, or of the argument's rounding passed on, but for numbers so small
  // that their lower half is subnormal. Found by the argument's type alone, so that no double
  // becomes one by accident.
  friend DoubleDouble sqrt(DoubleDouble x);
  friend DoubleDouble exp(DoubleDouble x);
  friend DoubleDouble expm1(DoubleDouble x);
  friend DoubleDouble log(DoubleDouble x);
  friend DoubleDouble log1p(DoubleDouble x);
  // Of |x| up to 1e9, beyond which they are NaN.
  friend DoubleDouble sin(DoubleDouble x);
  friend DoubleDouble cos(DoubleDouble x);
  friend DoubleDouble tan(DoubleDouble x);
  friend DoubleDouble atan(DoubleDouble x);
  friend DoubleDouble tanh(DoubleDouble x);
  friend DoubleDouble pow(DoubleDouble x, DoubleDouble y);
  friend DoubleDouble abs(DoubleDouble x) { return x.hi < 0 ? DoubleDouble(-x.hi, -x.lo) : x; }
  friend bool isnan(DoubleDouble x) { return std::isnan(x.hi) || std::isnan(x.lo); }
  friend bool isfinite(DoubleDouble x) { return std::isfinite(x.hi) && std::isfinite(x.lo); }
};

// a + b exactly, for |a| >= |b|.
inline DoubleDouble fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a + b exactly.
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// a · b exactly, short of overflow beyond 1e300.
inline DoubleDouble two_product(double a, double b) {
  constexpr double splitter = 134217729.0; // 2^27 + 1
  const double ca = splitter * a;
  const double cb = splitter * b;
  const double ah = ca - (ca - a);
  const double bh = cb - (cb - b);
  const double al = a - ah;
  const double bl = b - bh;
  const double product = a * b;
  return {product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

inline DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }

inline DoubleDouble operator+(DoubleDouble a, double b) {
  const DoubleDouble sum = two_sum(a.hi, b);
  return fast_two_sum(sum.hi, sum.lo + a.lo);
}

inline DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble high = two_sum(a.hi, b.hi);
  const DoubleDouble low = two_sum(a.lo, b.lo);
  const DoubleDouble sum = fast_two_sum(high.hi, high.lo + low.hi);
  return fast_two_sum(sum.hi, sum.lo + low.lo);
}

inline DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }

inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = two_product(a.hi, b.hi);
  return fast_two_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

inline DoubleDouble operator*(DoubleDouble a, double b) {
  const DoubleDouble product = two_product(a.hi, b);
  return fast_two_sum(product.hi, product.lo + a.lo * b);
}

inline DoubleDouble operator/(DoubleDouble a, double b) {
  const double quotient = a.hi / b;
  const DoubleDouble rest = a - two_product(quotient, b);
  return fast_two_sum(quotient, rest.rounded() / b);
}

inline DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.hi / b.hi;
  const DoubleDouble rest = a - b * first;
  const double second = rest.hi / b.hi;
  const double third = (rest - b * second).hi / b.hi;
  return fast_two_sum(first, second) + third;
}

inline bool operator<(DoubleDouble a, DoubleDouble b) {
  return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}
inline bool operator==(DoubleDouble a, DoubleDouble b) { return a.hi == b.hi && a.lo == b.lo; }
inline bool operator>(DoubleDouble a, DoubleDouble b) { return b < a; }
inline bool operator<=(DoubleDouble a, DoubleDouble b) { return a < b || a == b; }
inline bool operator>=(DoubleDouble a, DoubleDouble b) { return b < a || a == b; }
inline bool operator!=(DoubleDouble a, DoubleDouble b) { return !(a == b); }

} // namespace lawfit
