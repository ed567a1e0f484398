#include "lawfit/moment_area.hpp"

#include <array>
#include <cmath>

#include "lawfit/double_double.hpp"
#include "lawfit/rate_walk.hpp"

namespace lawfit {
namespace {

constexpr double scale_of_squares = 1e5;
constexpr double epsilon = 1e-8; // under the root and beside it

enum Output { value, by_first, by_second, by_first_first, by_second_first, by_second_second };
constexpr std::size_t output_count = 6;
constexpr std::size_t counts[] = {1, 3, output_count}; // by order

// An average that forgets by β, corrected for its start from 0, and its derivatives in β. Both
// β^i-weighted sums obey w ← β·w + (1 − β)·x, the correction 1 − β^i with x = 1.
class Moment {
public:
  explicit Moment(double beta) : beta_(beta) {}

  // Average, first and second derivative after one more x.
  std::array<double, 3> next(double x, int order) {
    sum_.step(beta_, x, order);
    weight_.step(beta_, 1.0, order);
    const double c = weight_.value, average = sum_.value / c;
    if (order == 0)
      return {average};
    const double first = (sum_.first - average * weight_.first) / c;
    if (order == 1)
      return {average, first};
    const double second =
        (sum_.second - 2.0 * first * weight_.first - average * weight_.second) / c;
    return {average, first, second};
  }

private:
  struct Sum {
    double value = 0.0, first = 0.0, second = 0.0;

    void step(double beta, double x, int order) {
      if (order > 1)
        second = beta * second + 2.0 * first;
      if (order > 0)
        first = beta * first + (value - x);
      value = beta * value + (1.0 - beta) * x;
    }
  };

  double beta_;
  Sum sum_, weight_;
};

// M, and the sums of its derivatives: part of a block on its own, whole blocks in twice the
// precision.
class Direction {
public:
  Direction(double beta1, double beta2, int order) : order_(order), m_(beta1), v_(beta2) {}

  void add(double decrease) {
    const auto m = m_.next(decrease, order_);
    const auto v = v_.next(scale_of_squares * decrease * decrease, order_);
    const double root = std::sqrt(v[0] + epsilon), h = root + epsilon;
    part_[value] += m[0] / h;
    if (order_ > 0) {
      const double h1 = v[1] / (2.0 * root), ratio = h1 / h;
      part_[by_first] += m[1] / h;
      part_[by_second] -= m[0] / h * ratio;
      if (order_ > 1) {
        const double h2 = v[2] / (2.0 * root) - h1 * h1 / root;
        part_[by_first_first] += m[2] / h;
        part_[by_second_first] -= m[1] / h * ratio;
        part_[by_second_second] += m[0] / h * (2.0 * ratio * ratio - h2 / h);
      }
    }
    if (++added_ % rate_block == 0)
      for (std::size_t k = 0; k < counts[order_]; ++k) {
        total_[k] = total_[k] + part_[k];
        part_[k] = 0.0;
      }
  }

  void store(std::size_t row, const RowValues &out) const {
    const auto sum = [this](std::size_t k) { return (total_[k] + part_[k]).rounded(); };
    out.value[row] = sum(value);
    for (std::size_t k = 0; order_ > 0 && k < 2; ++k)
      out.gradient[k * out.stride + row] = sum(by_first + k);
    for (std::size_t k = 0; order_ > 1 && k < 3; ++k)
      out.hessian[k * out.stride + row] = sum(by_first_first + k);
  }

private:
  int order_;
  Moment m_, v_;
  std::array<DoubleDouble, output_count> total_;
  std::array<double, output_count> part_{};
  std::int64_t added_ = 0;
};

} // namespace

MomentArea::MomentArea(const Schedule &schedule, Warmup mode, const std::int64_t *at, std::size_t n)
    : schedule_(schedule), mode_(mode) {
  check_rows(schedule, at, n);
  at_.assign(at, at + n);
}

void MomentArea::evaluate(const double *arguments, int order, const RowValues &out,
                          Cancel &cancel) const {
  const double beta1 = arguments[0], beta2 = arguments[1];
  if (!(beta1 >= 0.0 && beta1 < 1.0 && beta2 >= 0.0 && beta2 < 1.0))
    return fill_with_nan(out, rows(), 2, order);
  if (at_.empty())
    return;
  Direction direction(beta1, beta2, order);
  const std::int64_t first = first_decrease(schedule_, mode_);
  double previous = 0.0;
  std::size_t row = 0;
  walk_rates(schedule_, mode_, at_.back(), cancel, [&](const RateStretch &stretch) {
    for (std::int64_t i = 0; i < stretch.steps; ++i) {
      const std::int64_t step = stretch.first + i;
      if (stretch.constant && i % rate_block == 0)
        cancel.check();
      if (step >= first)
        direction.add(previous - stretch[i]);
      previous = stretch[i];
      for (; row < at_.size() && at_[row] == step; ++row)
        direction.store(row, out);
    }
  });
}

} // namespace lawfit
