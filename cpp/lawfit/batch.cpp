#include "lawfit/batch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "lawfit/covariance.hpp"
#include "lawfit/random.hpp"

namespace lawfit {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t replicates_per_check = 16;

// Ascending rows of `data`.
Data take(const Data &data, const std::vector<std::size_t> &rows, Detail detail) {
  Data out;
  out.rows = rows.size();
  out.warmup = data.warmup;
  out.detail = detail;
  for (const std::vector<double> &column : data.columns) {
    out.columns.emplace_back(rows.size());
    gather(column, rows.data(), rows.size(), out.columns.back());
  }
  if (data.tracks.empty())
    return out;
  for (std::size_t row : rows)
    out.steps.push_back(data.steps[row]);
  const auto after = [](std::size_t row, const Track &track) { return row < track.begin; };
  for (std::size_t i = 0; i < rows.size();) {
    const Track &track =
        *std::prev(std::upper_bound(data.tracks.begin(), data.tracks.end(), rows[i], after));
    const std::size_t begin = i;
    while (i < rows.size() && rows[i] < track.end)
      ++i;
    out.tracks.push_back({track.schedule, begin, i});
  }
  return out;
}

std::vector<double> take(const std::vector<double> &values, const std::vector<std::size_t> &rows) {
  if (values.empty())
    return {};
  std::vector<double> out(rows.size());
  gather(values, rows.data(), rows.size(), out);
  return out;
}

// Nothing found for a group.
void blank(const Groups &groups, const BatchOptions &options, std::size_t g, Status why,
           const BatchResults &out) {
  const std::size_t p = options.solver.lower.size();
  const auto count = static_cast<std::size_t>(options.replicates);
  for (std::size_t k = 0; k < p; ++k)
    out.theta[k * groups.size() + g] = out.errors[k * groups.size() + g] = nan;
  out.objective[g] = nan;
  out.status[g] = static_cast<std::int8_t>(why);
  if (count > 0)
    out.replicates.blank(p, g * count, count, why);
}

class Group {
public:
  Group(const Groups &groups, const BatchOptions &options, std::size_t g, Cancel &cancel)
      : groups_(groups), options_(options), g_(g), cancel_(cancel),
        rows_(groups.rows.begin() + offset(g), groups.rows.begin() + offset(g + 1)),
        problem_(problem(rows_, groups.data.detail)) {}

  void fit(const BatchResults &out) const {
    const MultistartSummary found = search();
    out.agreed[g_] = found.agreed;
    out.asked[g_] = found.asked;
    if (found.theta.empty()) {
      blank(groups_, options_, g_, found.timed_out ? Status::timeout : Status::bad_start, out);
      return;
    }
    const SolverOptions &bounds = options_.solver;
    std::vector<bool> at_bound;
    for (std::size_t k = 0; k < found.theta.size(); ++k)
      at_bound.push_back(found.theta[k] <= bounds.lower[k] || found.theta[k] >= bounds.upper[k]);
    Untimed rest(cancel_);
    const Covariance errors = covariance(problem_, found.theta.data(), at_bound, rest);
    const std::size_t p = found.theta.size();
    for (std::size_t k = 0; k < p; ++k) {
      out.theta[k * groups_.size() + g_] = found.theta[k];
      out.errors[k * groups_.size() + g_] = std::sqrt(errors.matrix[k * p + k]);
    }
    out.objective[g_] = found.best.objective;
    out.status[g_] = static_cast<std::int8_t>(found.timed_out ? Status::timeout
                                                              : errors.status(found.best.status));
    if (options_.replicates > 0 && !found.timed_out)
      resample(found.theta, out.replicates);
  }

private:
  std::ptrdiff_t offset(std::size_t g) const {
    return static_cast<std::ptrdiff_t>(groups_.first[g]);
  }

  Problem problem(const std::vector<std::size_t> &rows, Detail detail) const {
    return Problem(groups_.program, take(groups_.data, rows, detail), take(groups_.y, rows),
                   take(groups_.weights, rows), options_.problem, options_.theta, options_.free,
                   options_.may_centre, cancel_);
  }

  MultistartSummary search() const {
    MultistartOptions options;
    options.seed = options_.seed;
    options.threads = 1;
    options.given = options_.given;
    options.ranges = options_.ranges[options_.ranges.size() == 1 ? 0 : g_];
    std::int64_t nonlinear = 0;
    for (std::size_t k = 0; k < options.ranges.size(); ++k)
      if (problem_.linear()[k])
        options.ranges[k] = {StartRange::Kind::eliminated, 0, 0};
      else
        ++nonlinear;
    options.starts = options_.starts > 0 ? options_.starts
                     : nonlinear > 0     ? options_.per_parameter * (1 + nonlinear)
                                         : 1;
    const std::optional<Problem> coarse = coarse_problem(options.starts);
    options.coarse = coarse ? &*coarse : nullptr;
    return multistart(problem_, options_.solver, options, cancel_);
  }

  std::optional<Problem> coarse_problem(std::int64_t starts) const {
    if (!options_.given.empty() || options_.coarse_stride == 0 || starts < options_.coarse_starts)
      return std::nullopt;
    const auto p = static_cast<std::size_t>(problem_.parameters());
    const std::size_t every = rows_.size() / (options_.coarse_rows * p);
    if (every < options_.coarse_stride)
      return std::nullopt;
    std::vector<std::size_t> some;
    for (std::size_t i = every / 2; i < rows_.size(); i += every)
      some.push_back(rows_[i]);
    return problem(some, groups_.data.detail == Detail::exact ? Detail::exact : Detail::coarse);
  }

  void resample(const std::vector<double> &theta, const Replicates &out) const {
    const ResamplePlan plan(problem_, options_.solver, theta, cancel_);
    Refitter refitter(plan, cancel_);
    const ResampleOptions options{
        options_.replicates, group_seed(options_.resample_seed, g_), 1, {}};
    const auto count = static_cast<std::size_t>(options_.replicates);
    for (std::size_t k = 0; k < count; ++k) {
      if (k % replicates_per_check == 0)
        cancel_.check();
      refitter.refit(options, static_cast<std::int64_t>(k), g_ * count + k, out);
    }
  }

  const Groups &groups_;
  const BatchOptions &options_;
  std::size_t g_;
  Cancel &cancel_;
  std::vector<std::size_t> rows_;
  Problem problem_;
};

} // namespace

std::uint64_t group_seed(std::uint64_t seed, std::size_t g) {
  std::uint64_t state = seed;
  state = splitmix64(state) + static_cast<std::uint64_t>(g);
  return splitmix64(state);
}

void fit_batch(const Groups &groups, const BatchOptions &options, const BatchResults &out,
               Cancel &cancel) try {
  for (std::size_t g = 0; cancel.timed() && g < groups.size(); ++g) {
    blank(groups, options, g, Status::timeout, out);
    out.agreed[g] = out.asked[g] = 0;
  }
  parallel_for(
      groups.size(), options.threads,
      [&](std::size_t g, int) { Group(groups, options, g, cancel).fit(out); }, cancel);
} catch (const TimedOut &) {
  // Groups that there was no time for were said to be lost before.
}

} // namespace lawfit
