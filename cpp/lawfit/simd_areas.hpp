// The area kernels of simd.hpp, written once for the vectors of simd_kernels.hpp and for plain
// doubles. `Math` names the type V of `lanes` doubles and its load, load_some, store, stream,
// stream_one and fma, and after<k>(a, b): the last k of a, then b without its last k.
#pragma once

#include "lawfit/simd_types.hpp"

namespace lawfit::simd {
namespace {

// Consecutive steps, in vectors of any width: what is done to eight steps has the same bits.
constexpr std::size_t group = sum_parts;

template <class Math> struct Group {
  static constexpr std::size_t parts = group / Math::lanes;
  typename Math::V part[parts];

  static Group load(const double *p) {
    Group out;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < parts; ++i)
      out.part[i] = Math::load(p + i * Math::lanes);
    return out;
  }

  void store(double *p) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < parts; ++i)
      Math::store(p + i * Math::lanes, part[i]);
  }

  double step(std::size_t i) const {
    double steps[group];
    store(steps);
    return steps[i];
  }
};

// What each step finds k steps before it; `before` are the eight steps before `now`.
template <class Math, std::size_t k>
inline Group<Math> earlier(const Group<Math> &before, const Group<Math> &now) {
  constexpr std::size_t parts = Group<Math>::parts, whole = k / Math::lanes;
  Group<Math> out;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < parts; ++i)
    if constexpr (whole > 0)
      out.part[i] = i >= whole ? now.part[i - whole] : before.part[parts + i - whole];
    else
      out.part[i] =
          Math::template after<k>(i > 0 ? now.part[i - 1] : before.part[parts - 1], now.part[i]);
  return out;
}

// weight·a + b
template <class Math>
inline Group<Math> plus(double weight, const Group<Math> &a, const Group<Math> &b) {
  Group<Math> out;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < Group<Math>::parts; ++i)
    out.part[i] = Math::fma(typename Math::V{} + weight, a.part[i], b.part[i]);
  return out;
}

template <class Math> inline Group<Math> plus(const Group<Math> &a, const Group<Math> &b) {
  Group<Math> out;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < Group<Math>::parts; ++i)
    out.part[i] = a.part[i] + b.part[i];
  return out;
}

// The recurrence y_i = λ·y_{i−1} + x_i from nothing, eight steps at a time: the last eight inputs
// are gathered by doubling and the eight before them are one multiple of λ^8 away. That is fed
// back, so it is kept in two parts.
template <class Math> class Decay {
public:
  explicit Decay(const DecayPowers &powers) : powers_(powers) {}

  Group<Math> operator()(const Group<Math> &x) {
    const Group<Math> two = plus(powers_.one, earlier<Math, 1>(x_, x), x);
    const Group<Math> four = plus(powers_.two, earlier<Math, 2>(two_, two), two);
    const Group<Math> eight = plus(powers_.four, earlier<Math, 4>(four_, four), four);
    x_ = x, two_ = two, four_ = four;
    return y_ = plus(powers_.eight, y_, plus(powers_.eight_low, y_, eight));
  }

  const Group<Math> &last() const { return y_; }

private:
  const DecayPowers powers_;
  Group<Math> x_ = {}, two_ = {}, four_ = {}, y_ = {};
};

// The same for λ = 1.
template <class Math> class Sum {
public:
  Group<Math> operator()(const Group<Math> &x) {
    const Group<Math> two = plus(earlier<Math, 1>(x_, x), x);
    const Group<Math> four = plus(earlier<Math, 2>(two_, two), two);
    const Group<Math> eight = plus(earlier<Math, 4>(four_, four), four);
    x_ = x, two_ = two, four_ = four;
    return y_ = plus(y_, eight);
  }

  const Group<Math> &last() const { return y_; }

private:
  Group<Math> x_ = {}, two_ = {}, four_ = {}, y_ = {};
};

// What the steps of a block add to, in twice the precision.
template <class Math> struct Base {
  typename Math::V high, low;

  explicit Base(AreaBase base)
      : high(typename Math::V{} + base.high), low(typename Math::V{} + base.low) {}

  void store_sum(const Group<Math> &x, double *p) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < Group<Math>::parts; ++i)
      Math::store(p + i * Math::lanes, high + (low + x.part[i]));
  }
};

// The r-th derivative of m and S2. What drives the next is r + 1 times this m a step before.
template <class Math, int r> class SweepOrder {
public:
  using G = Group<Math>;

  SweepOrder(const AreaSweep &sweep, const AreaOutputs &out)
      : m_(sweep.powers), base_(sweep.s2[r]), out_(out.s2[r]) {
    for (int k = 0; k <= r; ++k) {
      carried_[k] = sweep.carried[k];
      carry_[k] = (r == 2 && k == 1 ? 2.0 : 1.0) * sweep.m[r - k];
    }
  }

  G sweep(const G &input, std::size_t i) {
    const G before = m_.last(), m = m_(input);
    G area = s2_(m);
#pragma GCC unroll 3
    for (int k = 0; k <= r; ++k)
      area = plus(carry_[k], G::load(carried_[k] + i), area);
    base_.store_sum(area, out_ + i);
    return earlier<Math, 1>(before, m);
  }

  void finish(std::size_t end, AreaSums &sums) const {
    sums.m[r] = m_.last().step(end);
    sums.s2[r] = s2_.last().step(end);
  }

private:
  Decay<Math> m_;
  Sum<Math> s2_;
  Base<Math> base_;
  double *out_;
  const double *carried_[r + 1];
  double carry_[r + 1]; // m and its derivatives before the block, by Leibniz' rule
};

template <class Math, int order>
void sweep_areas_orders(const AreaSweep &sweep, const double *lr, const double *d, std::size_t n,
                        const AreaOutputs &out, AreaSums &sums) {
  using G = Group<Math>;
  SweepOrder<Math, 0> value(sweep, out);
  SweepOrder<Math, order >= 1 ? 1 : 0> slope(sweep, out);
  SweepOrder<Math, order> bend(sweep, out);
  const Base<Math> base(sweep.s1);
  Sum<Math> s1;
  double *const to_s1 = out.s1;
  for (std::size_t i = 0; i < n; i += group) {
    base.store_sum(s1(G::load(lr + i)), to_s1 + i);
    const G later = value.sweep(G::load(d + i), i);
    if constexpr (order >= 1) {
      const G latest = slope.sweep(later, i);
      if constexpr (order == 2)
        bend.sweep(plus(latest, latest), i);
    }
  }
  const std::size_t end = (n - 1) % group;
  sums.s1 = s1.last().step(end);
  value.finish(end, sums);
  if constexpr (order >= 1)
    slope.finish(end, sums);
  if constexpr (order == 2)
    bend.finish(end, sums);
}

template <class Math>
void sweep_areas_of(const AreaSweep &sweep, int order, const double *lr, const double *d,
                    std::size_t n, const AreaOutputs &out, AreaSums &sums) {
  const auto run = order == 0   ? sweep_areas_orders<Math, 0>
                   : order == 1 ? sweep_areas_orders<Math, 1>
                                : sweep_areas_orders<Math, 2>;
  run(sweep, lr, d, n, out, sums);
}

// Sums of every other group, so that one need not wait for the next.
template <class Math, int order> struct AreaTotals {
  using V = typename Math::V;
  static constexpr std::size_t parts = group / Math::lanes;
  V s1[parts] = {}, m[order + 1][parts] = {}, s2[order + 1][parts] = {};

  void add(const AreaWeights &weights, std::size_t i, std::size_t part, V now, V before) {
    const V d = Math::template after<1>(before, now) - now;
    s1[part] = s1[part] + now;
#pragma GCC unroll 3
    for (int r = 0; r <= order; ++r) {
      m[r][part] = Math::fma(Math::load(weights.to_m[r] + i), d, m[r][part]);
      s2[r][part] = Math::fma(Math::load(weights.to_s2[r] + i), d, s2[r][part]);
    }
  }

  // Eight steps from the i-th on, of which n are left.
  void add_group(const AreaWeights &weights, const double *lr, std::size_t i, std::size_t n,
                 V &before) {
#pragma GCC unroll 8
    for (std::size_t part = 0; part < parts; ++part, i += Math::lanes) {
      if (i >= n)
        return;
      const V now = i + Math::lanes <= n ? Math::load(lr + i) : Math::load_some(lr + i, n - i);
      add(weights, i, part, now, before);
      before = now;
    }
  }

  // Halves are added to halves, down to one.
  static double total(const V *even, const V *odd) {
    V sum[parts];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < parts; ++i)
      sum[i] = even[i] + odd[i];
#pragma GCC unroll 3
    for (std::size_t half = parts / 2; half > 0; half /= 2)
#pragma GCC unroll 4
      for (std::size_t i = 0; i < half; ++i)
        sum[i] = sum[i] + sum[i + half];
    if constexpr (Math::lanes > 4)
      sum[0] = sum[0] + Math::template after<4>(sum[0], sum[0]);
    if constexpr (Math::lanes > 2)
      sum[0] = sum[0] + Math::template after<2>(sum[0], sum[0]);
    if constexpr (Math::lanes > 1)
      sum[0] = sum[0] + Math::template after<1>(sum[0], sum[0]);
    double lane[Math::lanes];
    Math::store(lane, sum[0]);
    return lane[0];
  }
};

template <class Math, int order>
void sum_areas_orders(const AreaWeights &weights, const double *lr, double first, std::size_t n,
                      AreaSums &sums) {
  using Totals = AreaTotals<Math, order>;
  Totals even, odd;
  typename Math::V before = typename Math::V{} + lr[0];
  std::size_t i = 0;
  for (; i + 2 * group <= n; i += 2 * group) {
    even.add_group(weights, lr, i, i + group, before);
    odd.add_group(weights, lr, i + group, i + 2 * group, before);
  }
  if (i < n)
    even.add_group(weights, lr, i, n, before);
  if (i + group < n)
    odd.add_group(weights, lr, i + group, n, before);
  sums.s1 = Totals::total(even.s1, odd.s1);
#pragma GCC unroll 3
  for (int r = 0; r <= order; ++r) {
    sums.m[r] = Totals::total(even.m[r], odd.m[r]) + weights.to_m[r][0] * first;
    sums.s2[r] = Totals::total(even.s2[r], odd.s2[r]) + weights.to_s2[r][0] * first;
  }
}

template <class Math>
void sum_areas_of(const AreaWeights &weights, int order, const double *lr, double first,
                  std::size_t n, AreaSums &sums) {
  const auto run = order == 0   ? sum_areas_orders<Math, 0>
                   : order == 1 ? sum_areas_orders<Math, 1>
                                : sum_areas_orders<Math, 2>;
  run(weights, lr, first, n, sums);
}

template <class Math> void stream_of(const double *from, std::size_t n, double *to) {
  std::size_t i = 0;
  for (; i < n && reinterpret_cast<unsigned long long>(to + i) % sizeof(typename Math::V) != 0; ++i)
    Math::stream_one(to + i, from[i]);
  for (; i + Math::lanes <= n; i += Math::lanes)
    Math::stream(to + i, Math::load(from + i));
  for (; i < n; ++i)
    Math::stream_one(to + i, from[i]);
}

template <class Math> void decreases_of(const double *lr, std::size_t n, double *d) {
  typename Math::V before = typename Math::V{} + lr[0];
  for (std::size_t i = 0; i < n; i += Math::lanes) {
    const typename Math::V now = Math::load(lr + i);
    Math::store(d + i, Math::template after<1>(before, now) - now);
    before = now;
  }
}

} // namespace
} // namespace lawfit::simd
