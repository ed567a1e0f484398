// The linear filter behind the areas, m_i = λ·m_{i−1} + d_i and S2 = Σ m with their derivatives in
// λ, advanced a block or a whole stretch at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lawfit/double_double.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit {

constexpr std::size_t area_block = 256; // steps handled at once
constexpr std::size_t area_orders = simd::area_orders;

// Kept in twice the precision: rounding does not build up with the number of steps.
struct AreaState {
  DoubleDouble s1;
  std::array<DoubleDouble, area_orders> m;
  std::array<DoubleDouble, area_orders> s2;
};

// The first n steps of a block by themselves, as if nothing were before them.
struct AreaPart {
  std::size_t n = 0;
  simd::AreaSums sums = {};

  // As if its decreases had been none.
  void forget() { sums = {sums.s1, {}, {}}; }
};

struct AreaValues {
  double s1;
  std::array<double, area_orders> s2;
};

class AnnealingFilter {
public:
  // Carries `order` derivatives, 0 … 2.
  AnnealingFilter(double lam, std::size_t order);

  std::size_t order() const { return order_; }

  // n >= 1 steps more of a block, by their LR and the decrease into the first of them.
  void extend(AreaPart &part, const double *lr, double first, std::size_t n);
  // The areas at the end of a part of the block that follows a state, and the state there.
  AreaValues areas(const AreaState &state, const AreaPart &part) const;
  void advance(AreaState &state, const AreaPart &part) const;
  // n <= area_block steps, by their LR and the decrease into each, with the areas after each; all
  // arrays are as long as n rounded up to a multiple of simd::sum_parts.
  void sweep(AreaState &state, const double *lr, const double *d, std::size_t n,
             const simd::AreaOutputs &out);
  // Any number of steps whose decrease is a steady d; leaves S1 alone.
  void coast(AreaState &state, std::int64_t n, double d);

private:
  using Values = double[area_orders];
  // A function of λ as its value and derivatives.
  using Jet = std::array<DoubleDouble, area_orders>;

  // What n steps make of a state: m ← P·m, S2 ← S2 + Q·m. P is fed back, so its value needs the
  // low part too.
  struct Carry {
    DoubleDouble p;
    Values p_derivatives; // from index 1
    Values q;
  };
  // P = λ^n, Q = λ + … + λ^n, and what a steady unit decrease adds: G = 1 + … + λ^(n−1) to m,
  // H = G_1 + … + G_n to S2.
  struct Stretch {
    Jet p, q, g, h;
  };
  // P and Q of 1 … area_block steps, and what a unit decrease adds to m and to S2 by the end of a
  // block: the last entry before the zeros is the block's last step.
  struct alignas(64) Tables {
    double q[area_orders][area_block];
    double to_m[area_orders][area_block + simd::sum_parts];
    double to_s2[area_orders][area_block + simd::sum_parts];
    double p[area_orders][area_block], p_low[area_block];
  };

  const Tables &tables();
  template <std::size_t order> void fill(Tables &to) const;
  Jet sum(const Jet &a, const Jet &b) const;
  Jet product(const Jet &a, const Jet &b) const;
  Stretch doubled(const Stretch &once, double n) const;
  Carry carry_of(const Jet &p, const Jet &q) const;
  Carry carry_over(std::size_t n) const;
  void apply(AreaState &state, const Carry &carry, const Values &m, const Values &s2) const;

  double lam_;
  std::size_t order_;
  std::unique_ptr<const Tables> tables_; // made when first needed, as these:
  std::vector<Stretch> stretches_;       // of 1, 2, 4, … steps
};

} // namespace lawfit
