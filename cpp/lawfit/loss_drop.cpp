#include "lawfit/loss_drop.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>

#include "lawfit/evaluator.hpp"
#include "lawfit/rate_walk.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

// Steps, in which there is little for panels to gain.
constexpr std::size_t least_segment = 32;
// Runs of nodes that are kept by row: 1 MB.
constexpr std::size_t kept_runs = std::size_t{1} << 16;
// Nodes between polls for a signal, of some nanoseconds each.
constexpr std::size_t nodes_per_check = 100 * block_rows;
constexpr std::int64_t max_changes = std::int64_t{1} << 27;
// Nodes whose powers a thread keeps room for between evaluations: 2 MB.
constexpr std::size_t kept_powers = std::size_t{1} << 18;

[[noreturn]] void refuse_length() {
  throw std::invalid_argument("the LR changes at more than 2^27 steps: too many for a loss drop");
}

// Collects the steps at which the LR changes, and the rows. Cuts the steps into segments where a
// kink may be: where a piece begins, and, as a table has no pieces, where the LR turns and where it
// has stood still.
class Collector {
public:
  Collector(std::int64_t first, const std::int64_t *at, std::size_t n)
      : first_(first), at_(at), end_(at + n) {
    rows.reserve(n);
  }

  void add(const RateStretch &stretch) {
    const std::int64_t singles =
        stretch.constant ? std::min<std::int64_t>(1, stretch.steps) : stretch.steps;
    for (std::int64_t i = 0; i < singles; ++i)
      add(stretch.first + i, stretch[i], stretch.begins && i == 0);
    if (stretch.steps > singles)
      glide(stretch.first + singles, stretch.steps - singles, stretch[0]);
  }

  std::vector<DropStep> steps;
  std::vector<std::size_t> segments;
  std::vector<DropRow> rows;

private:
  void add(std::int64_t step, double rate, bool begins) {
    cut_ = cut_ || begins;
    const double decrease = step >= first_ ? previous_ - rate : 0.0;
    if (decrease != 0.0)
      change(step, rate, decrease);
    if (rate > 0.0)
      followed_ = decreases_to_zero_;
    glide(step, 1, rate);
    previous_ = rate;
  }

  void change(std::int64_t step, double rate, double decrease) {
    if (steps.size() == static_cast<std::size_t>(max_changes))
      refuse_length();
    const std::int64_t gap = step - changed_;
    const bool turns = !steps.empty() && (decrease < 0.0) != (steps.back().decrease < 0.0);
    cut_ = cut_ || turns || gap > gap_;
    // Shorter ones are summed step by step anyhow.
    if (segments.empty() || (cut_ && steps.size() - segments.back() > least_segment)) {
      segments.push_back(steps.size());
      cut_ = false;
    }
    steps.push_back({rate, decrease, area_});
    if (rate == 0.0)
      decreases_to_zero_ += decrease;
    changed_ = step;
    gap_ = gap;
  }

  // Steps of one LR.
  void glide(std::int64_t step, std::int64_t n, double rate) {
    const auto area_after = [&](std::int64_t count) {
      return area_ + DoubleDouble(rate) * DoubleDouble(static_cast<double>(count));
    };
    for (; at_ != end_ && *at_ < step + n; ++at_)
      rows.push_back({area_after(*at_ - step + 1), steps.size(), followed_});
    area_ = area_after(n);
  }

  std::int64_t first_;
  const std::int64_t *at_, *end_;
  DoubleDouble area_;
  double previous_ = 0.0, decreases_to_zero_ = 0.0, followed_ = 0.0;
  std::int64_t changed_ = 0, gap_ = 0; // the last change, and how long after the one before
  bool cut_ = false;
};

// Sums G and its derivatives over the nodes of one row. As γ enters by x = exp(−γ·l)·S with
// l = log η,  ∂/∂γ = −l·C·∂/∂C.
class RowSums {
public:
  // power: η^−γ of the nodes.
  RowSums(double c, double beta, int order, const DropNodes &nodes, const double *power)
      : kernel_{c, beta, 0.0, 0.0}, order_(order),
        nodes_{power, nodes.log_rate.data(), nodes.weight.data(), nodes.before_high.data(),
               nodes.before_low.data()} {}

  void begin(DoubleDouble area) {
    kernel_.area_high = area.hi;
    kernel_.area_low = area.lo;
    sums_ = {};
  }

  void add(const simd::DropRun *runs, std::size_t n) {
    simd::add_drop(kernel_, nodes_, runs, n, order_, sums_);
  }

  // Stores the sums as row i.
  void finish(double to_zero, std::size_t i, const RowValues &out) const {
    const double c = kernel_.c;
    out.value[i] = sum(simd::drop) + to_zero;
    if (order_ > 0) {
      out.gradient[i] = sum(simd::by_c);
      out.gradient[out.stride + i] = sum(simd::by_beta);
      out.gradient[2 * out.stride + i] = -c * sum(simd::rate_by_c);
    }
    if (order_ > 1) {
      const double hessian[] = {sum(simd::by_cc),
                                sum(simd::by_beta_c),
                                sum(simd::by_beta_beta),
                                -(sum(simd::rate_by_c) + c * sum(simd::rate_by_cc)),
                                -c * sum(simd::rate_by_beta_c),
                                c * (sum(simd::rate2_by_c) + c * sum(simd::rate2_by_cc))};
      for (std::size_t k = 0; k < std::size(hessian); ++k)
        out.hessian[k * out.stride + i] = hessian[k];
    }
  }

private:
  double sum(simd::DropSum which) const {
    const double *p = sums_.part[which];
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
  }

  simd::DropKernel kernel_;
  int order_;
  simd::DropNodes nodes_;
  simd::DropSums sums_;
};

// Hands visit(runs, n) what covers a row, some runs at a time. Runs that touch become one, of no
// more nodes than a signal may wait for.
template <class Visit>
void visit_runs(const DropPanels &panels, const DropRow &row, Visit &&visit) {
  simd::DropRun runs[64];
  std::size_t filled = 0;
  panels.cover(row, [&](std::size_t first, std::size_t n) {
    if (filled > 0) {
      simd::DropRun &before = runs[filled - 1];
      if (before.first + before.n == first && before.n + n <= nodes_per_check) {
        before.n += n;
        return;
      }
    }
    if (filled == std::size(runs)) {
      visit(runs, filled);
      filled = 0;
    }
    runs[filled++] = {first, n};
  });
  visit(runs, filled);
}

// η^−γ of every node. Where η is 0: 1 if γ is, else 0, which adds nothing (a row's to_zero does).
// A scratch argument would show in every law's evaluator; a thread's own room keeps the heap out of
// the solver's loop. It is taken while in use, as a poll for signals may run a handler that
// evaluates another area on this thread. Beyond `kept_powers` the sums dwarf an allocation, and
// threads keep nothing.
class Powers {
public:
  Powers(const DropNodes &nodes, double gamma) {
    values_.swap(kept());
    if (values_.size() < nodes.size())
      values_.resize(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i)
      values_[i] = -gamma * nodes.log_rate[i];
    simd::exp(values_.data(), values_.data(), nodes.size());
    for (const std::size_t i : nodes.at_zero)
      values_[i] = gamma == 0.0 ? 1.0 : 0.0;
  }
  Powers(const Powers &) = delete;
  Powers &operator=(const Powers &) = delete;
  ~Powers() {
    if (values_.size() <= kept_powers)
      values_.swap(kept());
  }

  const double *data() const { return values_.data(); }

private:
  static std::vector<double> &kept() {
    thread_local std::vector<double> values;
    return values;
  }

  std::vector<double> values_;
};

} // namespace

LossDrop::LossDrop(const Schedule &schedule, Warmup mode, const std::int64_t *at, std::size_t n,
                   Detail detail, Cancel &cancel) {
  check_rows(schedule, at, n);
  if (n == 0)
    return;
  const std::int64_t last = at[n - 1];
  // Before memory is asked for. A table may repeat itself: what it changes is counted on the way.
  std::int64_t end = 0, changes = 0;
  for (const Piece &piece : schedule.pieces()) {
    const std::int64_t steps = std::min(piece.steps, last + 1 - end);
    if (piece.shape != Shape::constant && piece.shape != Shape::table)
      changes += steps;
    end += steps;
  }
  if (changes > max_changes)
    refuse_length();
  Collector collector(first_decrease(schedule, mode), at, n);
  walk_rates(schedule, mode, last, cancel,
             [&](const RateStretch &stretch) { collector.add(stretch); });
  rows_ = std::move(collector.rows);
  panels_ = DropPanels(collector.steps, collector.segments, rows_, detail, cancel);
  keep_runs(cancel);
}

void LossDrop::keep_runs(Cancel &cancel) {
  for (const DropRow &row : rows_) {
    cancel.check();
    visit_runs(panels_, row, [&](const simd::DropRun *runs, std::size_t n) {
      runs_.insert(runs_.end(), runs, runs + n);
    });
    if (runs_.size() > kept_runs)
      break;
    row_runs_.push_back(runs_.size());
  }
  runs_.resize(row_runs_.back());
}

void LossDrop::evaluate(const double *arguments, int order, const RowValues &out,
                        Cancel &cancel) const {
  const double c = arguments[0], beta = arguments[1], gamma = arguments[2];
  if (!(c >= 0.0 && beta >= 0.0 && std::isfinite(c) && std::isfinite(beta) && std::isfinite(gamma)))
    return fill_with_nan(out, rows(), 3, order);

  const Powers powers(panels_.nodes(), gamma);
  const bool drops_at_zero = gamma > 0.0 && c > 0.0 && beta > 0.0;
  RowSums sums(c, beta, order, panels_.nodes(), powers.data());
  std::size_t since_check = nodes_per_check;
  const auto add = [&](const simd::DropRun *runs, std::size_t n) {
    for (std::size_t k = 0; k < n; ++k)
      since_check += runs[k].n;
    if (since_check >= nodes_per_check) {
      cancel.check();
      since_check = 0;
    }
    sums.add(runs, n);
  };
  for (std::size_t i = 0; i < rows(); ++i) {
    const DropRow &row = rows_[i];
    sums.begin(row.area);
    if (i + 1 < row_runs_.size())
      add(runs_.data() + row_runs_[i], row_runs_[i + 1] - row_runs_[i]);
    else
      visit_runs(panels_, row, add);
    sums.finish(drops_at_zero ? row.to_zero : 0.0, i, out);
  }
}

} // namespace lawfit
