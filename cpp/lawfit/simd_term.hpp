// add_columns, add_term and add_moments of simd.hpp, written once for the vectors of
// simd_kernels.hpp and for plain doubles. `Math` as in simd_plain.hpp.
#pragma once

#include "lawfit/simd_sums.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit::simd {
namespace {

template <class Math> inline void put(double *row, bool add, typename Math::V v) {
  Math::store(row, add ? Math::load(row) + v : v);
}

// `known` powers, or as many as the term has where that is -1.
template <class Math, int known>
void add_term_of_powers(const Term &term, std::size_t n, const TermRows &out) {
  using V = typename Math::V;
  const int powers = known < 0 ? term.powers : known;
  for (std::size_t i = 0; i < whole_parts(n); i += Math::lanes) {
    V shape = V{} + 1.0;
    if (powers > 0) {
      V exponent = term.exponents[0] * Math::load(term.logs[0] + i);
      for (int j = 1; j < powers; ++j)
        exponent = Math::fma(V{} + term.exponents[j], Math::load(term.logs[j] + i), exponent);
      shape = Math::exp(exponent);
    }
    if (term.weight)
      shape *= Math::load(term.weight + i);
    const V value = term.coefficient * shape;
    put<Math>(out.value + i, out.add_value, value);
    Math::store(out.shape + i, shape);
    if (out.by_coefficient.row)
      put<Math>(out.by_coefficient.row + i, out.by_coefficient.add, shape);
    if (out.by_exponent)
      for (int j = 0; j < powers; ++j)
        put<Math>(out.by_exponent[j].row + i, out.by_exponent[j].add,
                  value * Math::load(term.logs[j] + i));
  }
}

template <class Math> void add_term_of(const Term &term, std::size_t n, const TermRows &out) {
  const auto add = term.powers == 0   ? add_term_of_powers<Math, 0>
                   : term.powers == 1 ? add_term_of_powers<Math, 1>
                   : term.powers == 2 ? add_term_of_powers<Math, 2>
                                      : add_term_of_powers<Math, -1>;
  add(term, n, out);
}

// y[i] = x[i] + Σ_a s[a]·J[a*stride+i]
template <class Math>
void add_columns_of(const double *jac, std::size_t stride, int m, const double *s, std::size_t n,
                    const double *x, double *y) {
  using V = typename Math::V;
  for (std::size_t i = 0; i < whole_parts(n); i += Math::lanes) {
    V sum = Math::load(x + i);
    for (int a = 0; a < m; ++a)
      sum = Math::fma(V{} + s[a], Math::load(jac + static_cast<std::size_t>(a) * stride + i), sum);
    Math::store(y + i, sum);
  }
}

// out[0] += Σ c·shape·a, out[1] += Σ c·shape·a·b.
template <class Math>
void add_moments_of(const double *c, const double *shape, const double *a, const double *b,
                    std::size_t n, double *out) {
  using V = typename Math::V;
  PartialSums<Math> first, second;
  for (std::size_t i = 0; i < n; i += sum_parts)
    for (std::size_t k = 0; k < sum_parts / Math::lanes; ++k) {
      const std::size_t at = i + k * Math::lanes;
      const V moment = Math::load(c + at) * Math::load(shape + at) * Math::load(a + at);
      first.part[k] += moment;
      second.part[k] = Math::fma(moment, Math::load(b + at), second.part[k]);
    }
  out[0] += first.total();
  out[1] += second.total();
}

} // namespace
} // namespace lawfit::simd
