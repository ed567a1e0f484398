#include "lawfit/multistart.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "lawfit/bounds.hpp"
#include "lawfit/problem_objective.hpp"
#include "lawfit/start_design.hpp"

namespace lawfit {
namespace {

// Starts are run in rounds; a round knows the minima that earlier rounds found. Their sizes do not
// depend on the number of threads, so neither does the result.
constexpr std::size_t first_round = 8, later_round = 64;
// Minima kept from one round to the next.
constexpr std::size_t most_minima = 8;
// Of the time, for starts on some of the rows only.
constexpr double coarse_share = 0.75;
// Objectives this close, relatively, belong to the same minimum.
constexpr double same_minimum = 1e-6;

// How far above a minimum, relatively, a start may be taken to lead there: the best one known, or
// another, from which there may yet be a way down.
constexpr double merge_best = 0.1, merge_other = 1e-3;

struct Minimum {
  std::vector<double> theta;
  SolverSummary summary;
  std::int64_t start = 0; // the first that reached it
  std::int64_t count = 0; // of starts that reached it
  std::vector<double> curvature;
};

// Ends a solve that has come so near a known minimum that its quadratic model explains the
// objective. Remembers how far it came.
class Merger final : public Observer {
public:
  Merger(const std::vector<Minimum> &minima, std::size_t parameters)
      : minima_(minima), parameters_(parameters) {}
  bool operator()(const double *theta, double objective) override {
    std::copy_n(theta, parameters_, theta_);
    objective_ = objective;
    ++accepted_;
    for (std::size_t k = 0; k < minima_.size(); ++k)
      if (belongs(minima_[k], k == 0 ? merge_best : merge_other, theta, objective)) {
        found_ = static_cast<int>(k);
        return true;
      }
    return false;
  }
  int found() const { return found_; }
  int accepted() const { return accepted_; }
  const double *theta() const { return theta_; }
  double objective() const { return objective_; }

private:
  static bool belongs(const Minimum &minimum, double share, const double *theta, double objective) {
    const double above = objective - minimum.summary.objective;
    if (!is_success(minimum.summary.status) || !(above >= 0) ||
        above > share * minimum.summary.objective)
      return false;
    const std::size_t p = minimum.theta.size();
    double model = 0;
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < p; ++j)
        model += 0.5 * (theta[i] - minimum.theta[i]) * (theta[j] - minimum.theta[j]) *
                 minimum.curvature[i * p + j];
    return std::abs(model - above) < 0.5 * above + 1e-9 * minimum.summary.objective;
  }

  const std::vector<Minimum> &minima_;
  std::size_t parameters_;
  int found_ = -1, accepted_ = 0;
  double theta_[max_parameters], objective_ = 0;
};

struct Outcome {
  bool any = false; // there was time to find something
  std::vector<double> theta;
  SolverSummary summary;
  int merged = -1;               // which minimum
  std::vector<double> curvature; // its exact Hessian, or empty
};

class Run {
public:
  Run(const Problem &problem, const SolverOptions &solver, const MultistartOptions &options,
      Cancel &cancel)
      : problem_(problem), solver_(solver), centred_(to_centred(problem, solver)),
        options_(options), cancel_(cancel) {
    for (const StartRange &range : options.ranges)
      eliminates_ = eliminates_ || range.kind == StartRange::Kind::eliminated;
    out_.asked =
        options.given.empty() ? options.starts : static_cast<std::int64_t>(options.given.size());
    threads_ = options.threads > 0 ? options.threads : max_threads();
    // A start costs some ten nanoseconds a row and parameter, an iteration; opening a parallel
    // region costs some ten microseconds.
    work_ = static_cast<double>(problem.rows()) * problem.parameters();
    threads_ = std::min(threads_, threads_for(std::min<std::int64_t>(out_.asked, later_round)));
    for (int k = 0; k < threads_; ++k)
      slots_.push_back(std::make_unique<Slot>(problem, centred_));
    outcomes_.resize(static_cast<std::size_t>(std::min<std::int64_t>(out_.asked, later_round)));
  }

  MultistartSummary run() {
    search();
    return summarise();
  }

  // Where the minima are, best first, in natural coordinates, and of each which start reached it
  // first and how many did.
  struct Found {
    MultistartSummary counts;
    std::vector<std::vector<double>> minima;
    std::vector<std::int64_t> starts, reached;
  };
  Found explore() {
    search();
    Found found{std::move(out_), {}, {}, {}};
    for (const Minimum &minimum : minima_) {
      found.minima.push_back(to_natural(problem_, solver_, centred_, minimum.theta));
      found.starts.push_back(minimum.start);
      found.reached.push_back(minimum.count);
    }
    return found;
  }

private:
  // Worth their while for so many starts.
  int threads_for(std::int64_t count) const {
    return work_ * static_cast<double>(count) < 2e4 ? 1 : static_cast<int>(count);
  }

  void search() {
    for (std::int64_t first = 0; first < out_.asked;) {
      const std::int64_t ends = std::min(
          first + static_cast<std::int64_t>(first == 0 ? first_round : later_round), out_.asked);
      const auto count = static_cast<std::size_t>(ends - first);
      std::fill_n(outcomes_.begin(), count, Outcome());
      try {
        parallel_for(
            count, std::min(threads_, threads_for(ends - first)),
            [&](std::size_t k, int slot) {
              solve(first + static_cast<std::int64_t>(k), *slots_[static_cast<std::size_t>(slot)],
                    outcomes_[k]);
            },
            cancel_);
      } catch (const TimedOut &) {
        out_.timed_out = true;
      }
      for (std::size_t k = 0; k < count; ++k)
        if (outcomes_[k].any)
          take(first + static_cast<std::int64_t>(k), outcomes_[k]);
      std::stable_sort(minima_.begin(), minima_.end(), [](const Minimum &a, const Minimum &b) {
        return a.summary.objective < b.summary.objective;
      });
      minima_.resize(std::min(minima_.size(), most_minima));
      first = out_.timed_out ? out_.asked : ends;
    }
  }

  MultistartSummary summarise() {
    if (!minima_.empty()) {
      const Minimum &best = minima_.front();
      out_.theta = to_natural(problem_, solver_, centred_, best.theta);
      out_.best = best.summary;
      out_.best_start = best.start;
      out_.agreed = best.count;
    }
    return std::move(out_);
  }

  // What one thread owns.
  struct Slot {
    Slot(const Problem &problem, const SolverOptions &options)
        : work(problem, Coordinates::centred), solver(options) {}
    Problem::Workspace work;
    LevenbergMarquardt solver;
  };

  // Throws TimedOut with what there was time for in `out`.
  void solve(std::int64_t k, Slot &slot, Outcome &out) const {
    out.theta.resize(static_cast<std::size_t>(problem_.parameters()));
    bool eliminates = eliminates_;
    if (options_.given.empty()) {
      draw_start(options_, k, out.theta.data());
      problem_.take_logarithms(out.theta);
    } else {
      out.theta = options_.given[static_cast<std::size_t>(k)];
      eliminates = eliminates && std::any_of(out.theta.begin(), out.theta.end(),
                                             [](double x) { return std::isnan(x); });
      problem_.to_centred(out.theta);
      for (std::size_t i = 0; eliminates && i < out.theta.size(); ++i)
        if (options_.ranges[i].kind == StartRange::Kind::eliminated)
          out.theta[i] = 0;
    }
    if (eliminates &&
        !eliminate(problem_, solver_, options_.ranges, out.theta.data(), slot.work, cancel_)) {
      out.any = true;
      return;
    }
    ProblemObjective objective(problem_, slot.work, cancel_);
    Merger merger(minima_, out.theta.size());
    try {
      out.summary = slot.solver.solve(objective, out.theta.data(), &merger);
    } catch (const TimedOut &) {
      cut_off(objective, merger, out);
      throw;
    }
    out.any = true;
    out.merged = merger.found();
    if (out.merged < 0)
      if (const double *hessian = slot.solver.hessian())
        out.curvature.assign(hessian, hessian + out.theta.size() * out.theta.size());
  }

  // Where a search was when its time was up, be it the start.
  static void cut_off(const ProblemObjective &objective, const Merger &merger, Outcome &out) {
    out.summary.status = Status::timeout;
    out.summary.iterations = merger.accepted();
    out.summary.evaluations = objective.evaluations();
    out.summary.objective = merger.accepted() > 0 ? merger.objective() : objective.first();
    out.any = std::isfinite(out.summary.objective);
    if (merger.accepted() > 0)
      std::copy_n(merger.theta(), out.theta.size(), out.theta.begin());
  }

  // How many starts one stands for.
  std::int64_t starts(std::int64_t k) const {
    return options_.given_counts.empty() ? 1 : options_.given_counts[static_cast<std::size_t>(k)];
  }

  // Called in order of the start's number, when its round is over.
  void take(std::int64_t start, const Outcome &outcome) {
    out_.iterations += outcome.summary.iterations;
    out_.evaluations += outcome.summary.evaluations;
    if (outcome.summary.status == Status::bad_start) {
      ++out_.failed;
      return;
    }
    if (outcome.merged >= 0) {
      ++out_.merged;
      minima_[static_cast<std::size_t>(outcome.merged)].count += starts(start);
      return;
    }
    const bool over = outcome.summary.status != Status::timeout;
    const std::int64_t count = over ? starts(start) : 0;
    out_.run += over;
    const double objective = outcome.summary.objective;
    for (Minimum &minimum : minima_)
      if (std::abs(objective - minimum.summary.objective) <=
          same_minimum * minimum.summary.objective + problem_.rounding()) {
        minimum.count += count;
        // One that was only cut off near it gives way to one that arrived.
        if (!is_success(minimum.summary.status) && is_success(outcome.summary.status))
          describe(start, outcome, minimum);
        return;
      }
    Minimum found;
    found.count = count;
    if (describe(start, outcome, found))
      minima_.push_back(std::move(found));
  }

  // False, and nothing done, where the outcome is no answer.
  bool describe(std::int64_t start, const Outcome &outcome, Minimum &minimum) {
    Slot &slot = *slots_.front();
    const auto p = outcome.theta.size();
    std::vector<double> natural = outcome.theta;
    problem_.to_natural(natural);
    // Where an exponent vanished, its scale x0 has no natural value: no answer to give.
    if (!std::all_of(natural.begin(), natural.end(), [](double x) { return std::isfinite(x); }))
      return false;
    minimum.curvature = outcome.curvature;
    if (minimum.curvature.empty()) {
      Untimed rest(cancel_);
      const bool second = problem_.evaluate(outcome.theta.data(), 2, *curvature_, slot.work, rest);
      // Differences for second derivatives reach further than those for first ones.
      if (!second && !problem_.evaluate(outcome.theta.data(), 1, *curvature_, slot.work, rest))
        return false;
      const double *matrix = second ? curvature_->hessian : curvature_->gauss_newton;
      minimum.curvature.assign(matrix, matrix + p * p);
    }
    minimum.theta = outcome.theta;
    minimum.summary = outcome.summary;
    minimum.start = start;
    return true;
  }

  const Problem &problem_;
  const SolverOptions &solver_;
  SolverOptions centred_; // the same with its bounds in centred coordinates
  const MultistartOptions &options_;
  Cancel &cancel_;
  bool eliminates_ = false;
  int threads_ = 1;
  double work_ = 0; // of a start
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Outcome> outcomes_;
  std::vector<Minimum> minima_;
  std::unique_ptr<Evaluation> curvature_ = std::make_unique<Evaluation>();
  MultistartSummary out_;
};

// For want of time on all rows: the best minimum of some of them at which the law has a value.
void judge_minima(const Problem &problem, const Run::Found &found, Cancel &cancel,
                  MultistartSummary &out) {
  Untimed rest(cancel);
  Problem::Workspace work(problem, Coordinates::natural);
  const auto at = std::make_unique<Evaluation>();
  for (std::size_t k = 0; k < found.minima.size() && out.theta.empty(); ++k) {
    if (!problem.evaluate(found.minima[k].data(), 0, *at, work, rest))
      continue;
    out.theta = found.minima[k];
    out.best.status = Status::timeout;
    out.best.objective = at->objective;
    out.best_start = static_cast<std::int64_t>(k);
  }
}

} // namespace

MultistartSummary multistart(const Problem &problem, const SolverOptions &solver,
                             const MultistartOptions &options, Cancel &cancel) {
  if (!options.coarse || !options.given.empty())
    return Run(problem, solver, options, cancel).run();
  Share most(cancel, coarse_share);
  const Run::Found found = Run(*options.coarse, solver, options, most).explore();
  MultistartOptions rest = options;
  rest.given = found.minima;
  // Starts are counted by the minimum that the one they led to on the coarse rows leads to.
  rest.given_counts = found.reached;
  MultistartSummary out, spent = found.counts;
  if (!found.minima.empty())
    out = Run(problem, solver, rest, cancel).run();
  out.timed_out = out.timed_out || spent.timed_out;
  if (out.timed_out && out.theta.empty())
    judge_minima(problem, found, cancel, out);
  if (!out.timed_out && (out.theta.empty() || out.failed > 0)) {
    // What the coarse rows allow, others may not: at a minimum there the law has no value here.
    spent.iterations += out.iterations;
    spent.evaluations += out.evaluations;
    out = Run(problem, solver, options, cancel).run();
  } else {
    if (out.best_start >= 0)
      out.best_start = found.starts[static_cast<std::size_t>(out.best_start)];
    out.asked = spent.asked;
    out.run = spent.run;
    out.merged = spent.merged;
    out.failed = spent.failed;
  }
  out.iterations += spent.iterations;
  out.evaluations += spent.evaluations;
  return out;
}

} // namespace lawfit
