// The linear filter behind the areas, m_i = λ·m_{i−1} + d_i and S2 = Σ m with their derivatives in
// λ, advanced a block or a whole stretch at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lawfit/double_double.hpp"

namespace lawfit {

constexpr std::size_t area_block = 128; // steps handled at once
constexpr std::size_t area_orders = 3;  // value, first and second derivative in λ

// Kept in twice the precision: rounding does not build up with the number of steps.
struct AreaState {
  DoubleDouble s1;
  std::array<DoubleDouble, area_orders> m;
  std::array<DoubleDouble, area_orders> s2;
};

// Consecutive steps, padded with zeros: their LR and the decrease into each of them.
struct AreaInput {
  std::array<double, area_block> lr;
  std::array<double, area_block> d;
};

// The areas after each step of a block.
struct AreaOutput {
  std::array<double, area_block> s1;
  std::array<std::array<double, area_block>, area_orders> s2;
};

class AnnealingFilter {
public:
  // Carries `order` derivatives, 0 … 2.
  AnnealingFilter(double lam, std::size_t order);

  std::size_t order() const { return order_; }

  // The steps from … from + n − 1 of a block.
  void advance(AreaState &state, const AreaInput &in, std::size_t from, std::size_t n) const;
  // The first n steps of a block, with the areas after each.
  void sweep(AreaState &state, const AreaInput &in, std::size_t n, AreaOutput &out) const;
  // Any number of steps whose decrease is a steady d; leaves S1 alone.
  void coast(AreaState &state, std::int64_t n, double d);

private:
  using Values = std::array<double, area_orders>;
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

  Jet sum(const Jet &a, const Jet &b) const;
  Jet product(const Jet &a, const Jet &b) const;
  Stretch doubled(const Stretch &once, double n) const;
  Carry carry_of(const Jet &p, const Jet &q) const;
  void apply(AreaState &state, const Carry &carry, const Values &m, const Values &s2) const;
  template <std::size_t Order>
  void sweep_orders(AreaState &state, const AreaInput &in, std::size_t n, AreaOutput &out) const;

  // A sweep runs four strips of a block side by side, to hide the latency of the recurrence.
  static constexpr std::size_t lanes = 4;
  static constexpr std::size_t strip = area_block / lanes;

  double lam_;
  std::size_t order_;
  std::array<Carry, area_block + 1> carries_; // over 0 … area_block steps
  // What a unit decrease adds to m and to S2 by the end of a block; the last entry is the block's
  // last step.
  std::array<std::array<double, area_block>, area_orders> to_m_;
  std::array<std::array<double, area_block>, area_orders> to_s2_;
  std::array<std::array<double, strip>, area_orders> to_strip_; // Q of 1 … strip steps
  std::vector<Stretch> stretches_; // of 1, 2, 4, … steps, made when first needed
};

} // namespace lawfit
