// add_drop of simd.hpp, written once for the vectors of simd_kernels.hpp and for plain doubles.
// `Math` names the type V of `lanes` doubles and its load, store, fma, exp and log.
#pragma once

#include "lawfit/simd_types.hpp"

namespace lawfit::simd {
namespace {

template <class V> inline V smaller(V a, V b) { return b < a ? b : a; } // a if that is NaN

// Gathers nodes from the runs, then takes them through one function after another: from x to the
// sums is a long way, and only other nodes on the same stretch can fill its waits. With z = 1 + C·x
// and u = z^−β:
//   G = 1 − u,  G_β = u·log z,  G_ββ = −u·log²z,  G_C = β·u·x/z,  G_CC = −(β+1)·(x/z)·G_C,
//   G_βC = (1 − β·log z)·u·x/z.
template <class Math, int order> class DropBlock {
public:
  DropBlock(const DropKernel &kernel, DropSums &sums) : kernel_(kernel), sums_(sums) {}

  void add(const DropNodes &nodes, DropRun run) {
    for (std::size_t end = run.first + run.n; run.first < end; run.first += run.n) {
      run.n = end - run.first < capacity - filled_ ? end - run.first : capacity - filled_;
      gather(nodes, run);
      filled_ += run.n;
      if (filled_ == capacity)
        flush();
    }
  }

  void flush() {
    for (; filled_ % sum_parts != 0; ++filled_)
      x_[filled_] = weight_[filled_] = log_rate_[filled_] = 0.0;
    logarithms();
    for (std::size_t i = 0; i < filled_; i += Math::lanes)
      Math::store(u_ + i, Math::exp(-kernel_.beta * Math::load(log_z_ + i)));
    for (std::size_t part = 0; part < sum_parts; part += Math::lanes)
      sum(part);
    filled_ = 0;
  }

private:
  using V = typename Math::V;
  static constexpr std::size_t capacity = 128; // a multiple of sum_parts
  static constexpr int count = order == 0 ? by_c : order == 1 ? by_cc : drop_sums;

  void gather(const DropNodes &nodes, DropRun run) {
    const double *power = nodes.power + run.first, *weight = nodes.weight + run.first;
    const double *high = nodes.before_high + run.first, *low = nodes.before_low + run.first;
    const double *log_rate = nodes.log_rate + run.first;
    double *x = x_ + filled_, *w = weight_ + filled_, *l = log_rate_ + filled_;
    for (std::size_t i = 0; i < run.n; i += Math::lanes) { // what follows overwrites the excess
      const V area =
          (kernel_.area_high - Math::load(high + i)) + (kernel_.area_low - Math::load(low + i));
      Math::store(x + i, Math::load(power + i) * area);
      Math::store(w + i, Math::load(weight + i));
      Math::store(l + i, Math::load(log_rate + i));
    }
  }

  void logarithms() {
    // Stand in for what overflows; the room between them is for C.
    const V huge = V{} + 1e300, largest = V{} + 0x1.fffffffffffffp+1023;
    for (std::size_t i = 0; i < filled_; i += Math::lanes) {
      const V x = smaller(Math::load(x_ + i), huge);
      const V y = smaller(kernel_.c * x, largest), z = 1.0 + y;
      // What z has lost of y; where it matters, the logarithm's slope is 1.
      const V lost = y < V{} + 1.0 ? y - (z - 1.0) : V{};
      Math::store(x_ + i, x);
      Math::store(z_ + i, z);
      Math::store(log_z_ + i, Math::log(z) + lost);
    }
  }

  void sum(std::size_t part) {
    V sums[count];
    for (int t = 0; t < count; ++t)
      sums[t] = Math::load(sums_.part[t] + part);
    for (std::size_t i = part; i < filled_; i += sum_parts) {
      V terms[count];
      evaluate(i, terms);
      const V weight = Math::load(weight_ + i);
      for (int t = 0; t < count; ++t)
        sums[t] = Math::fma(weight, terms[t], sums[t]);
    }
    for (int t = 0; t < count; ++t)
      Math::store(sums_.part[t] + part, sums[t]);
  }

  void evaluate(std::size_t i, V *terms) {
    constexpr double small = 0x1p-8; // where either way is good to 3e-14
    const double beta = kernel_.beta;
    const V log_z = Math::load(log_z_ + i), u = Math::load(u_ + i), w = beta * log_z;
    // 1 − exp(−w), by its series where the difference would lose digits.
    const V series = w * (1.0 - w * (0.5 - w * (1.0 / 6.0 - w * (1.0 / 24.0 - w * (1.0 / 120.0)))));
    terms[drop] = w < V{} + small ? series : 1.0 - u;
    if constexpr (order > 0) {
      const V slope = Math::load(x_ + i) / Math::load(z_ + i), bent = u * slope;
      const V l = Math::load(log_rate_ + i);
      terms[by_c] = beta * bent;
      terms[by_beta] = u * log_z;
      terms[rate_by_c] = l * terms[by_c];
      if constexpr (order > 1) {
        terms[by_cc] = -(beta + 1.0) * slope * terms[by_c];
        terms[by_beta_c] = (1.0 - w) * bent;
        terms[by_beta_beta] = -log_z * terms[by_beta];
        terms[rate_by_cc] = l * terms[by_cc];
        terms[rate_by_beta_c] = l * terms[by_beta_c];
        terms[rate2_by_c] = l * terms[rate_by_c];
        terms[rate2_by_cc] = l * terms[rate_by_cc];
      }
    }
  }

  const DropKernel kernel_;
  DropSums &sums_;
  std::size_t filled_ = 0;
  static constexpr std::size_t room = capacity + sum_parts; // the last may exceed
  alignas(64) double x_[room], weight_[room], log_rate_[room];
  alignas(64) double z_[capacity], log_z_[capacity], u_[capacity];
};

template <class Math, int order>
void add_drop_runs(const DropKernel &kernel, const DropNodes &nodes, const DropRun *runs,
                   std::size_t n, DropSums &sums) {
  DropBlock<Math, order> block(kernel, sums);
  for (std::size_t i = 0; i < n; ++i)
    block.add(nodes, runs[i]);
  block.flush();
}

template <class Math>
void add_drop_of(const DropKernel &kernel, const DropNodes &nodes, const DropRun *runs,
                 std::size_t n, int order, DropSums &sums) {
  const auto add = order == 0   ? add_drop_runs<Math, 0>
                   : order == 1 ? add_drop_runs<Math, 1>
                                : add_drop_runs<Math, 2>;
  add(kernel, nodes, runs, n, sums);
}

} // namespace
} // namespace lawfit::simd
