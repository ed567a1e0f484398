// What functions of simd.hpp take and give beyond arrays.
#pragma once

#include <cstddef>

#include "lawfit/loss.hpp"

namespace lawfit::simd {

// The kernel G of a row's loss drop (loss_drop.hpp).
struct DropKernel {
  double c, beta;
  double area_high, area_low; // S + before
};

// Where it is summed; `power` is η^−γ. The arrays go on for sum_parts − 1 elements after a run,
// which are read and not summed.
struct DropNodes {
  const double *power, *log_rate, *weight, *before_high, *before_low;
};

// The n nodes from `first` on.
struct DropRun {
  std::size_t first, n;
};

// The sums of G, its first and its second derivatives. Those by γ follow from sums with a factor of
// log η (`rate`) or its square (`rate2`).
enum DropSum {
  drop,
  by_c,
  by_beta,
  rate_by_c,
  by_cc,
  by_beta_c,
  by_beta_beta,
  rate_by_cc,
  rate_by_beta_c,
  rate2_by_c,
  rate2_by_cc,
  drop_sums
};

// Sums are taken in parts, element i in part i mod 8, so that their association, and with it their
// bits, is the same for vectors of every width.
constexpr std::size_t sum_parts = 8;

// n rounded up to a row in every part: arrays with room for as many are taken whole by vectors of
// any width. Unnamed, as files built for an instruction set of their own include it.
namespace {
constexpr std::size_t whole_parts(std::size_t n) {
  return (n + sum_parts - 1) / sum_parts * sum_parts;
}
} // namespace

// How a law's values become residuals and these a loss, which is not binomial.
struct Weighing {
  Loss loss;
  double delta;
  // log f − log y, where f is above the floor; below it log f is continued by its expansion there.
  bool in_logarithms;
  double floor, inverse_floor, log_floor;
};

enum class WeighFor {
  objective, // nothing beyond it
  sums,      // slope, gauss_newton and hessian
  rows       // residual, h1 and score
};

// What is asked for, each with room for a multiple of 8 rows.
struct WeighedRows {
  double *slope;        // ∂F/∂f = w·rho'(r)·∂r/∂f
  double *gauss_newton; // w·(rho'(r)/r)·(∂r/∂f)²
  double *hessian;      // w·(rho''(r)·(∂r/∂f)² + rho'(r)·∂²r/∂f²)
  double *residual;
  double *h1;    // ∂r/∂f
  double *score; // w·rho'(r)
};

// c·w·exp(Σ_j e_j·l_j) over rows; weight null is 1. Columns have room for a multiple of 8 rows.
struct Term {
  int powers;
  const double *const *logs;
  const double *exponents;
  const double *weight;
  double coefficient;
};

// Where a derivative goes, and whether it is added to what is there.
struct TermRow {
  double *row;
  bool add;
};

// Rows with room for a multiple of 8.
struct TermRows {
  double *shape; // w·exp(…)
  double *value;
  bool add_value;
  TermRow by_coefficient;     // null where it is not wanted
  const TermRow *by_exponent; // of each power, or null
};

struct alignas(64) DropSums {
  double part[drop_sums][sum_parts];
};

// Of an area, the value and its first and second derivatives in λ.
constexpr std::size_t area_orders = 3;

// λ, λ², λ⁴ and λ^8, the last as the sum of two.
struct DecayPowers {
  double one, two, four, eight, eight_low;
};

// What a unit decrease adds to m and to S2 by the end of n steps, step by step, then zeros up to a
// multiple of sum_parts.
struct AreaWeights {
  const double *to_m[area_orders], *to_s2[area_orders];
};

// What n steps add to an S1, an m and an S2 of nothing.
struct AreaSums {
  double s1, m[area_orders], s2[area_orders];
};

// A sum in twice the precision.
struct AreaBase {
  double high, low;
};

// The state before a block, and what m then adds to S2 by each of its steps: `carried` has
// λ + … + λ^i, i = 1, 2, …, and its derivatives.
struct AreaSweep {
  DecayPowers powers;
  AreaBase s1, s2[area_orders];
  double m[area_orders];
  const double *carried[area_orders];
};

// The areas after each step of a block.
struct AreaOutputs {
  double *s1, *s2[area_orders];
};

} // namespace lawfit::simd
