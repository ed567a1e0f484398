// Small dense factorisations, p <= 32, on the stack.
#pragma once

#include <cstddef>

namespace lawfit {

constexpr int max_parameters = 32;

// Square matrices are row-major with the stride given; symmetric ones use their lower triangle.
namespace linalg {

// A = L Lᵀ in place (lower triangle). False where A is not positive definite to working precision;
// where A is what others were subtracted from, `size` is its diagonal before that.
bool cholesky(double *a, int n, int stride, const double *size = nullptr);
// x <- (L Lᵀ)⁻¹ x
void cholesky_solve(const double *l, int n, int stride, double *x);

// Triangularises [R; rows] by Householder reflections: R (p×p upper, stride p) is updated, `rows`
// (n×p, column k at rows + k*stride) is destroyed. Start with R = 0.
void qr_append(double *r, int p, double *rows, std::size_t n, std::size_t stride);

// One-sided Jacobi: A (p×p, stride p) = U diag(s) Vᵀ, singular values descending; A is overwritten
// by U diag(s).
void svd(double *a, int p, double *s, double *v);

} // namespace linalg
} // namespace lawfit
