// A function of a few scalars that has a value at every row and depends on more than the row's own
// columns: an area of the row's schedule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "lawfit/parallel.hpp"

namespace lawfit {

// Where values and derivatives by k arguments go: value[i] of row i, ∂/∂a_j at
// gradient[j*stride + i], ∂²/∂a_j∂a_l with l <= j at hessian[(j*(j+1)/2 + l)*stride + i].
struct RowValues {
  double *value = nullptr, *gradient = nullptr, *hessian = nullptr;
  std::size_t stride = 0;
};

// What rows hold where the arguments have no meaning.
inline void fill_with_nan(const RowValues &out, std::size_t rows, std::size_t arguments,
                          int order) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::fill_n(out.value, rows, nan);
  for (std::size_t k = 0; order > 0 && k < arguments; ++k)
    std::fill_n(out.gradient + k * out.stride, rows, nan);
  for (std::size_t k = 0; order > 1 && k < arguments * (arguments + 1) / 2; ++k)
    std::fill_n(out.hessian + k * out.stride, rows, nan);
}

// How finely sums over a schedule's steps are taken.
enum class Detail {
  coarse, // for a search that another, of what it finds, follows
  fine,   // to about rounding
  exact   // step by step
};

class RowFunction {
public:
  virtual ~RowFunction() = default;
  virtual std::size_t arguments() const = 0;
  // The relative error of its derivatives, where that is more than rounding.
  virtual double noise() const { return 0; }
  // Fills `out` up to the derivatives asked for; NaN where the arguments have no meaning.
  // Called by several threads at once, so it changes nothing of its own.
  virtual void evaluate(const double *arguments, int order, const RowValues &out,
                        Cancel &cancel) const = 0;
};

} // namespace lawfit
