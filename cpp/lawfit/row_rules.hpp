// The rules of rules.hpp over rows, by the vector code of simd.hpp for operations that have it.
#pragma once

#include <cstddef>

#include "lawfit/opcodes.hpp"

namespace lawfit {

// out[i] = op(x[i], y[i]) for i < n; y is not read where op has one operand. out may be x or y.
void apply_rows(Op op, const double *x, const double *y, double *out, std::size_t n);

// f holds op's values. d: arrays for ∂/∂x, ∂/∂y and ∂²/∂x², ∂²/∂x∂y, ∂²/∂y²; of those by y, one
// operand leaves no values behind.
void differentiate_rows(Op op, const double *x, const double *y, const double *f,
                        double *const (&d)[5], std::size_t n);

} // namespace lawfit
