// The area kernels of simd.hpp, written once for the vectors of simd_kernels.hpp and for plain
// doubles. `Math` names the type V of `lanes` doubles and its load, load_some, store and fma, and
// after<k>(a, b): the last k of a, then b without its last k.
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

  double last() const {
    double lanes[Math::lanes];
    Math::store(lanes, part[parts - 1]);
    return lanes[Math::lanes - 1];
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

template <class Math> inline Group<Math> added(AreaBase base, const Group<Math> &x) {
  Group<Math> out;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < Group<Math>::parts; ++i)
    out.part[i] = base.high + (base.low + x.part[i]);
  return out;
}

// What the r-th derivative of S2 gathers by itself and by what the block found.
template <class Math, int order>
void sweep_areas_orders(const AreaSweep &sweep, const double *lr, const double *d, std::size_t n,
                        const AreaOutputs &out, AreaSums &sums) {
  constexpr double binomial[3][3] = {{1, 0, 0}, {1, 1, 0}, {1, 2, 1}};
  using G = Group<Math>;
  Sum<Math> s1;
  Sum<Math> s2[3];
  Decay<Math> m[3] = {Decay<Math>(sweep.powers), Decay<Math>(sweep.powers),
                      Decay<Math>(sweep.powers)};
  for (std::size_t i = 0; i < n; i += group) {
    added(sweep.s1, s1(G::load(lr + i))).store(out.s1 + i);
    G input = G::load(d + i);
#pragma GCC unroll 3
    for (int r = 0; r <= order; ++r) {
      const G before = m[r].last(), momentum = m[r](input);
      G area = s2[r](momentum);
#pragma GCC unroll 3
      for (int k = 0; k <= r; ++k)
        area = plus(binomial[r][k] * sweep.m[r - k], G::load(sweep.carried[k] + i), area);
      added(sweep.s2[r], area).store(out.s2[r] + i);
      input = earlier<Math, 1>(before, momentum);
      if (r == 1)
        input = plus(input, input);
    }
  }
  sums.s1 = s1.last().last();
#pragma GCC unroll 3
  for (int r = 0; r <= order; ++r) {
    sums.m[r] = m[r].last().last();
    sums.s2[r] = s2[r].last().last();
  }
}

template <class Math>
void sweep_areas_of(const AreaSweep &sweep, int order, const double *lr, const double *d,
                    std::size_t n, const AreaOutputs &out, AreaSums &sums) {
  const auto run = order == 0   ? sweep_areas_orders<Math, 0>
                   : order == 1 ? sweep_areas_orders<Math, 1>
                                : sweep_areas_orders<Math, 2>;
  run(sweep, lr, d, n, out, sums);
}

template <class Math> inline double total_of(const Group<Math> &sums) {
  double part[group];
  sums.store(part);
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

template <class Math, int order>
void sum_areas_orders(const AreaWeights &weights, const double *lr, const double *d, std::size_t n,
                      AreaSums &sums) {
  using G = Group<Math>;
  G s1 = {}, m[order + 1] = {}, s2[order + 1] = {};
  for (std::size_t i = 0; i < n; i += group) {
    G x = {}, drop;
#pragma GCC unroll 8
    for (std::size_t part = 0; part < G::parts; ++part) {
      const std::size_t from = i + part * Math::lanes;
      if (from < n)
        x.part[part] =
            n - from >= Math::lanes ? Math::load(lr + from) : Math::load_some(lr + from, n - from);
    }
    drop = G::load(d + i);
    s1 = plus(s1, x);
#pragma GCC unroll 3
    for (int r = 0; r <= order; ++r)
#pragma GCC unroll 8
      for (std::size_t part = 0; part < G::parts; ++part) {
        const std::size_t from = i + part * Math::lanes;
        m[r].part[part] =
            Math::fma(Math::load(weights.to_m[r] + from), drop.part[part], m[r].part[part]);
        s2[r].part[part] =
            Math::fma(Math::load(weights.to_s2[r] + from), drop.part[part], s2[r].part[part]);
      }
  }
  sums.s1 = total_of(s1);
#pragma GCC unroll 3
  for (int r = 0; r <= order; ++r) {
    sums.m[r] = total_of(m[r]);
    sums.s2[r] = total_of(s2[r]);
  }
}

template <class Math>
void sum_areas_of(const AreaWeights &weights, int order, const double *lr, const double *d,
                  std::size_t n, AreaSums &sums) {
  const auto run = order == 0   ? sum_areas_orders<Math, 0>
                   : order == 1 ? sum_areas_orders<Math, 1>
                                : sum_areas_orders<Math, 2>;
  run(weights, lr, d, n, sums);
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
