// Polynomials through a few points, and sums of them by half as many.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

namespace lawfit {

// Chebyshev's points in −1 … 1, ascending.
template <std::size_t n> std::array<double, n> chebyshev() {
  constexpr double pi = 3.14159265358979323846;
  std::array<double, n> x;
  for (std::size_t j = 0; j < n; ++j)
    x[j] = -std::cos(pi * static_cast<double>(2 * j + 1) / (2.0 * n));
  return x;
}

// Lagrange's polynomials ℓ_j over n nodes, by the barycentric formula (Berrut and Trefethen 2004).
template <std::size_t n> class Lagrange {
public:
  explicit Lagrange(const std::array<double, n> &x) : x_(x) {
    for (std::size_t j = 0; j < n; ++j) {
      scale_[j] = 1.0;
      for (std::size_t l = 0; l < n; ++l)
        if (l != j)
          scale_[j] /= 2.0 * (x[j] - x[l]); // a range of 2 becomes 4, whose products stay near 1
    }
  }

  const std::array<double, n> &nodes() const { return x_; }

  std::array<double, n> at(double x) const {
    std::array<double, n> values{};
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      if (x == x_[j]) {
        values.fill(0.0);
        values[j] = 1.0;
        return values;
      }
      sum += values[j] = scale_[j] / (x - x_[j]);
    }
    for (double &value : values)
      value /= sum;
    return values;
  }

private:
  std::array<double, n> x_, scale_;
};

template <std::size_t n>
double dot(const std::array<double, n> &a, const std::array<double, n> &b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < n; ++j)
    sum += a[j] * b[j];
  return sum;
}

// Gauss's rule for a sum over weighted points in −1 … 1: other points, fewer, over which the sum of
// every polynomial below twice their number in degree is the same. There is none, or none that
// rounding spares, where weights differ much in sign or sit on few points.
template <std::size_t nodes> class GaussRule {
public:
  using Values = std::array<double, nodes>;

  template <std::size_t n>
  static std::optional<GaussRule> of(const std::array<double, n> &x,
                                     const std::array<double, n> &weight) {
    GaussRule rule;
    if (!rule.orthogonalise(x, weight) || !rule.find_roots())
      return std::nullopt;
    double sum = 0.0;
    for (std::size_t i = 0; i < nodes; ++i)
      sum += rule.weight[i] = rule.weight_at(rule.node[i]);
    if (!(std::abs(sum - rule.norm_[0]) <= 1e-13 * std::abs(rule.norm_[0])))
      return std::nullopt;
    return rule;
  }

  Values node, weight;

private:
  GaussRule() = default;

  // Stieltjes' procedure: p_k+1 = (x − a_k)·p_k − b_k·p_k−1 are orthogonal.
  template <std::size_t n>
  bool orthogonalise(const std::array<double, n> &x, const std::array<double, n> &w) {
    std::array<double, n> before{}, now;
    now.fill(1.0);
    for (std::size_t k = 0; k < nodes; ++k) {
      double norm = 0.0, moment = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        const double term = w[j] * now[j] * now[j];
        norm += term;
        moment += term * x[j];
      }
      norm_[k] = norm;
      a_[k] = moment / norm;
      b_[k] = k == 0 ? 0.0 : norm / norm_[k - 1];
      if (!(std::abs(a_[k]) < 1.0 && (k == 0 || b_[k] > 0.01))) // 1/4 for nearly all measures
        return false;
      for (std::size_t j = 0; j < n; ++j) {
        const double next = (x[j] - a_[k]) * now[j] - b_[k] * before[j];
        before[j] = now[j];
        now[j] = next;
      }
    }
    return true;
  }

  // Of p_nodes, all at once (Aberth 1973), from Chebyshev's, which are near.
  bool find_roots() {
    static const Values near = chebyshev<nodes>();
    node = near;
    for (int round = 0; round < 20; ++round) {
      double farthest = 0.0;
      for (std::size_t i = 0; i < nodes; ++i) {
        double p = 1.0, before = 0.0, slope = 0.0, slope_before = 0.0;
        for (std::size_t k = 0; k < nodes; ++k) {
          const double off = node[i] - a_[k];
          const double next_slope = p + off * slope - b_[k] * slope_before;
          const double next = off * p - b_[k] * before;
          slope_before = slope, slope = next_slope;
          before = p, p = next;
        }
        double others = 0.0;
        for (std::size_t j = 0; j < nodes; ++j)
          if (j != i)
            others += 1.0 / (node[i] - node[j]);
        const double shift = p / (slope - p * others);
        node[i] -= shift;
        farthest = std::fmax(farthest, std::abs(shift));
        if (!(std::abs(node[i]) <= 1.0))
          return false;
      }
      if (farthest < 1e-9) // its cube is what is left
        return true;
    }
    return false;
  }

  // 1 / Σ p_k² / |p_k|².
  double weight_at(double x) const {
    double p = 1.0, before = 0.0, sum = 0.0;
    for (std::size_t k = 0; k < nodes; ++k) {
      sum += p * p / norm_[k];
      const double next = (x - a_[k]) * p - b_[k] * before;
      before = p, p = next;
    }
    return 1.0 / sum;
  }

  Values a_, b_, norm_;
};

} // namespace lawfit
