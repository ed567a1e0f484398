// A function of a few scalars that has a value at every row and depends on more than the row's own
// columns: an area of the row's schedule.
#pragma once

#include <cstddef>

#include "lawfit/parallel.hpp"

namespace lawfit {

// Where values and derivatives by k arguments go: value[i] of row i, ∂/∂a_j at
// gradient[j*stride + i], ∂²/∂a_j∂a_l with l <= j at hessian[(j*(j+1)/2 + l)*stride + i].
struct RowValues {
  double *value = nullptr, *gradient = nullptr, *hessian = nullptr;
  std::size_t stride = 0;
};

class RowFunction {
public:
  virtual ~RowFunction() = default;
  virtual std::size_t arguments() const = 0;
  // Fills `out` up to the derivatives asked for; NaN where the arguments have no meaning.
  // Called by several threads at once, so it changes nothing of its own.
  virtual void evaluate(const double *arguments, int order, const RowValues &out,
                        Cancel &cancel) const = 0;
};

} // namespace lawfit
