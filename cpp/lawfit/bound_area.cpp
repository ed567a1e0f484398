#include "lawfit/bound_area.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "lawfit/double_double.hpp"
#include "lawfit/evaluator.hpp"
#include "lawfit/rate_walk.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::int64_t max_rows_step = std::int64_t{1} << 27;

// Σ up to and with each step, from a first entry of 0 on: a difference of two of these is good to
// an ulp of itself.
struct PrefixSums {
  std::vector<double> high{0.0}, low{0.0};

  void add(DoubleDouble term) {
    const DoubleDouble sum = DoubleDouble(high.back(), low.back()) + term;
    high.push_back(sum.hi);
    low.push_back(sum.lo);
  }
  DoubleDouble before(std::size_t k) const { return {high[k], low[k]}; }
};

class Bound {
public:
  Bound(const Schedule &schedule, std::int64_t last, const double *squared_norms, Cancel &cancel)
      : cancel_(cancel) {
    walk_rates(schedule, Warmup::actual, last, cancel, [&](const RateStretch &stretch) {
      for (std::int64_t i = 0; i < stretch.steps; ++i)
        add(stretch[i], squared_norms ? squared_norms[stretch.first + i] : 1.0);
    });
  }

  double mean(std::size_t t) const {
    const double area = areas_.before(t + 1).rounded();
    return area > 0.0 ? squares_.before(t + 1).rounded() / (2.0 * area) : 0.0;
  }

  // With R_k the area after step k, a term is (η_k/R_k)·(Σ_{j>=k} η_j²·G_j²/R_{k−1}).
  double last(std::size_t t) const {
    if (areas_.high[t + 1] == 0.0)
      return 0.0;
    if (rates_[t] == 0.0)
      return std::numeric_limits<double>::infinity();
    const DoubleDouble area = areas_.before(t + 1), squares = squares_.before(t + 1);
    alignas(64) double inverse[block_rows + 1], left[block_rows], right[block_rows];
    inverse[0] = 1.0 / area.rounded(); // of the area after the step before, from here on
    DoubleDouble sum;
    for (std::size_t first = 0; first < t; first += block_rows) {
      if (first % (64 * block_rows) == 0)
        cancel_.check();
      const std::size_t n = std::min(block_rows, t - first);
      const double *area_high = &areas_.high[first], *area_low = &areas_.low[first];
      const double *square_high = &squares_.high[first], *square_low = &squares_.low[first];
      for (std::size_t i = 1; i <= n; ++i)
        inverse[i] = 1.0 / ((area.hi - area_high[i]) + (area.lo - area_low[i]));
      for (std::size_t i = 0; i < n; ++i) {
        left[i] = rates_[first + i] * inverse[i + 1];
        right[i] = ((squares.hi - square_high[i]) + (squares.lo - square_low[i])) * inverse[i];
      }
      double part = 0.0;
      simd::add_product(left, block_rows, 1, right, n, &part);
      sum = sum + part;
      inverse[0] = inverse[n];
    }
    return 0.5 * sum.rounded();
  }

private:
  void add(double rate, double squared_norm) {
    rates_.push_back(rate);
    areas_.add(rate);
    squares_.add(two_product(rate, rate) * DoubleDouble(squared_norm));
  }

  Cancel &cancel_;
  std::vector<double> rates_;
  PrefixSums areas_, squares_;
};

} // namespace

void bound_areas(const Schedule &schedule, const std::int64_t *at, std::size_t n,
                 const double *squared_norms, double *mean, double *last, Cancel &cancel) {
  check_rows(schedule, at, n);
  if (n == 0)
    return;
  if (at[n - 1] >= max_rows_step)
    throw std::invalid_argument("the convex bound is summed step by step, up to step 2^27");
  const Bound bound(schedule, at[n - 1], squared_norms, cancel);
  for (std::size_t i = 0; i < n; ++i) {
    const auto t = static_cast<std::size_t>(at[i]);
    if (mean)
      mean[i] = bound.mean(t);
    if (last)
      last[i] = bound.last(t);
  }
}

} // namespace lawfit
