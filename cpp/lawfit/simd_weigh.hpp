// weigh and weigh_rows of simd.hpp, written once for the vectors of simd_kernels.hpp and for plain
// doubles. `Math` as in simd_plain.hpp.
#pragma once

#include "lawfit/robust.hpp"
#include "lawfit/simd_sums.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit::simd {
namespace {

template <class Math, Loss loss, bool in_logarithms, WeighFor purpose> class Weigher {
public:
  explicit Weigher(const Weighing &with) : with_(with) {}

  double run(const double *f, const double *target, const double *weight, std::size_t n,
             const WeighedRows &out) const {
    PartialSums<Math> sums;
    std::size_t i = 0;
    for (; i + sum_parts <= n; i += sum_parts)
      add(f + i, target + i, weight ? weight + i : nullptr, out, i, sums);
    if (i < n) {
      // The rest, followed by rows that weigh nothing.
      alignas(64) double values[sum_parts], targets[sum_parts], weights[sum_parts];
      for (std::size_t k = 0; k < sum_parts; ++k) {
        const bool here = i + k < n;
        values[k] = here ? f[i + k] : 1.0;
        targets[k] = here ? target[i + k] : 0.0;
        weights[k] = !here ? 0.0 : weight ? weight[i + k] : 1.0;
      }
      add(values, targets, weights, out, i, sums);
    }
    return sums.total();
  }

private:
  using V = typename Math::V;

  // f as a residual, with the derivatives of that.
  struct Residual {
    V r, d1, d2;
  };
  Residual residual(V f, V target) const {
    if constexpr (!in_logarithms)
      return {f - target, V{} + 1.0, V{}};
    const V inverse = 1.0 / f, u = f * with_.inverse_floor - 1.0;
    const auto above = f > V{} + with_.floor;
    const V guarded = (with_.log_floor - target) + (u - 0.5 * u * u);
    return {above ? Math::log(f) - target : guarded,
            above ? inverse : (1.0 - u) * with_.inverse_floor,
            above ? -inverse * inverse : V{} - with_.inverse_floor * with_.inverse_floor};
  }

  // sum_parts rows.
  void add(const double *f, const double *target, const double *weight, const WeighedRows &out,
           std::size_t at, PartialSums<Math> &sums) const {
    for (std::size_t k = 0; k < sum_parts; k += Math::lanes) {
      const Residual at_row = residual(Math::load(f + k), Math::load(target + k));
      const auto cost = rho<loss, Math>(at_row.r, with_.delta);
      const V w = weight ? Math::load(weight + k) : V{} + 1.0;
      sums.part[k / Math::lanes] += w * cost.rho;
      const V score = w * cost.d1;
      if constexpr (purpose == WeighFor::sums) {
        const V square = at_row.d1 * at_row.d1;
        Math::store(out.slope + at + k, score * at_row.d1);
        Math::store(out.gauss_newton + at + k, w * cost.weight * square);
        Math::store(out.hessian + at + k, w * (cost.d2 * square + cost.d1 * at_row.d2));
      }
      if constexpr (purpose == WeighFor::rows) {
        Math::store(out.residual + at + k, at_row.r);
        Math::store(out.h1 + at + k, at_row.d1);
        Math::store(out.score + at + k, score);
      }
    }
  }

  const Weighing with_;
};

template <class Math, Loss loss, bool in_logarithms>
double weigh_for(const Weighing &with, WeighFor purpose, const double *f, const double *target,
                 const double *weight, std::size_t n, const WeighedRows &out) {
  switch (purpose) {
  case WeighFor::objective:
    return Weigher<Math, loss, in_logarithms, WeighFor::objective>(with).run(f, target, weight, n,
                                                                             out);
  case WeighFor::sums:
    return Weigher<Math, loss, in_logarithms, WeighFor::sums>(with).run(f, target, weight, n, out);
  default:
    return Weigher<Math, loss, in_logarithms, WeighFor::rows>(with).run(f, target, weight, n, out);
  }
}

template <class Math, Loss loss>
double weigh_in(const Weighing &with, WeighFor purpose, const double *f, const double *target,
                const double *weight, std::size_t n, const WeighedRows &out) {
  return with.in_logarithms
             ? weigh_for<Math, loss, true>(with, purpose, f, target, weight, n, out)
             : weigh_for<Math, loss, false>(with, purpose, f, target, weight, n, out);
}

template <class Math>
double weigh_of(const Weighing &with, WeighFor purpose, const double *f, const double *target,
                const double *weight, std::size_t n, const WeighedRows &out) {
  const auto weigh_as = with.loss == Loss::squared ? weigh_in<Math, Loss::squared>
                        : with.loss == Loss::huber ? weigh_in<Math, Loss::huber>
                                                   : weigh_in<Math, Loss::soft_l1>;
  return weigh_as(with, purpose, f, target, weight, n, out);
}

} // namespace
} // namespace lawfit::simd
