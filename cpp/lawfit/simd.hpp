// Elementary functions and small reductions over arrays, one implementation per instruction set,
// chosen at run time: the best the machine has, or the lower one named by the environment variable
// LAWFIT_SIMD (avx512, avx2, sse2, neon or scalar), read at the first call. A name this machine or
// this build does not have is ignored.
//
// Nothing here allocates or throws, and any thread may call. The levels with a fused multiply-add
// (avx512, avx2, neon) give the same bits as each other.
#pragma once

#include <cstddef>

#include "lawfit/simd_types.hpp"

namespace lawfit::simd {

// y[i] = f(x[i]) for i < n, within 1 ulp over the whole range, subnormals included; y may be x. An
// element's result depends on its value alone, never on its place in the array or on n. The cases
// of infinities, NaN and zeros are those of C99, Annex F.
void exp(const double *x, double *y, std::size_t n);
void log(const double *x, double *y, std::size_t n);
void expm1(const double *x, double *y, std::size_t n);
void log1p(const double *x, double *y, std::size_t n);
// Beyond 2^20 in size, these three have libm's result.
void sin(const double *x, double *y, std::size_t n);
void cos(const double *x, double *y, std::size_t n);
void tan(const double *x, double *y, std::size_t n);
void atan(const double *x, double *y, std::size_t n);
void tanh(const double *x, double *y, std::size_t n);
// 1/(1 + exp(−x)).
void expit(const double *x, double *y, std::size_t n);
// z[i] = f(x[i], y[i]), likewise; z may be x or y.
void pow(const double *x, const double *y, double *z, std::size_t n);
// log(exp(x) + exp(y)): the larger of them and log1p(exp(−|x − y|)), each within 1 ulp.
void logaddexp(const double *x, const double *y, double *z, std::size_t n);

// Lower triangle of A += J W Jᵀ: A[a*m+b] += Σ_i w[i]·J[a*stride+i]·J[b*stride+i], b <= a < m.
// Sums are taken in an order that depends on n alone. Rows aligned to 64 bytes are read fastest.
void add_gram(const double *jac, std::size_t stride, int m, const double *w, std::size_t n,
              double *gram);
// g[a] += Σ_i c[i]·J[a*stride+i], a < m.
void add_product(const double *jac, std::size_t stride, int m, const double *c, std::size_t n,
                 double *g);
// y[i] = x[i] + Σ_a s[a]·J[a*stride+i] for n rows rounded up to a multiple of 8, a < m; y may be x.
void add_columns(const double *jac, std::size_t stride, int m, const double *s, std::size_t n,
                 const double *x, double *y);

// Rows of a law's values f against their targets, y or log y; weight null is 1. Returns the sum of
// their terms of the objective. What `purpose` asks for is filled up to a multiple of 8 rows, those
// beyond n with what weighs nothing.
double weigh(const Weighing &with, WeighFor purpose, const double *f, const double *target,
             const double *weight, std::size_t n, const WeighedRows &out);

// One term of a sum of products of powers, with its derivatives, for n rows rounded up to a
// multiple of 8.
void add_term(const Term &term, std::size_t n, const TermRows &out);
// out[0] += Σ c·shape·a, out[1] += Σ c·shape·a·b over n rows rounded up to a multiple of 8, where c
// must be 0 beyond n.
void add_moments(const double *c, const double *shape, const double *a, const double *b,
                 std::size_t n, double *out);

// sums += weight·G(x) over the nodes of n runs, x = power·(area − before), and so on up to the
// derivatives of that order.
void add_drop(const DropKernel &kernel, const DropNodes &nodes, const DropRun *runs, std::size_t n,
              int order, DropSums &sums);

// Copies to memory that won't be read soon, past the caches where the machine can: it then need not
// be read before it is written. end_stream() comes between the last copy and the first reading.
void stream(const double *from, std::size_t n, double *to);
void end_stream() noexcept;

// d[i] = lr[i−1] − lr[i] for 0 < i < n, and d[0] = 0. These arrays, and those of sweep_areas, are
// as long as n rounded up to a multiple of sum_parts.
void decreases(const double *lr, std::size_t n, double *d);
// The areas of n >= 1 steps by themselves (annealing_filter.hpp): S1, m and S2 up to the order-th
// derivative. `first` is the decrease into the first of them.
void sum_areas(const AreaWeights &weights, int order, const double *lr, double first, std::size_t n,
               AreaSums &sums);
// The areas after each of n >= 1 steps that follow a state, and what they are by themselves.
void sweep_areas(const AreaSweep &sweep, int order, const double *lr, const double *d,
                 std::size_t n, const AreaOutputs &out, AreaSums &sums);

// The instruction set in use: "avx512", "avx2", "sse2", "neon" or "scalar".
const char *level() noexcept;

} // namespace lawfit::simd
