// Elementary functions by one name each, for double and for what has more digits.
#pragma once

#include <cmath>

#include "lawfit/double_double.hpp"

namespace lawfit::real {

#define LAWFIT_FUNCTION(NAME)                                                                      \
  template <class R> auto NAME(R x) {                                                              \
    using std::NAME;                                                                               \
    return NAME(x);                                                                                \
  }

LAWFIT_FUNCTION(sqrt)
LAWFIT_FUNCTION(exp)
LAWFIT_FUNCTION(expm1)
LAWFIT_FUNCTION(log)
LAWFIT_FUNCTION(log1p)
LAWFIT_FUNCTION(sin)
LAWFIT_FUNCTION(cos)
LAWFIT_FUNCTION(tan)
LAWFIT_FUNCTION(atan)
LAWFIT_FUNCTION(tanh)
LAWFIT_FUNCTION(abs)
LAWFIT_FUNCTION(isnan)
LAWFIT_FUNCTION(isfinite)

#undef LAWFIT_FUNCTION

template <class R> R pow(R x, R y) {
  using std::pow;
  return pow(x, y);
}

inline double rounded(double x) { return x; }
inline double rounded(long double x) { return static_cast<double>(x); }
inline double rounded(DoubleDouble x) { return x.rounded(); }

} // namespace lawfit::real
