#include "lawfit/grouped_multistart.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "lawfit/bounds.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/start_design.hpp"

namespace lawfit {
namespace {

// Groups, those with the most rows, that tell of the shared parameters by themselves.
constexpr std::size_t most_probes = 16;
// Starts of a fit of one group for each nonlinear parameter left to it, and as many more.
constexpr std::int64_t starts_per_parameter = 4;
// Fits of one group only begin the joint one.
constexpr double rough_tolerance = 1e-6;
// Objectives this close, relatively, belong to the same minimum.
constexpr double same_minimum = 1e-6;
// Starts are run in rounds, so that what they found is not all kept.
constexpr std::int64_t round_size = 8;
// Evaluations that a start and a fit of a single group take, roughly.
constexpr double start_evaluations = 50, single_evaluations = 10;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// In centred coordinates, over the vector of all parameters.
SolverOptions joint_bounds(const Grouped &grouped, const SolverOptions &solver) {
  SolverOptions out = solver;
  out.lower.resize(grouped.parameters());
  out.upper.resize(grouped.parameters());
  for (std::size_t g = 0; g < grouped.groups(); ++g) {
    const SolverOptions centred = to_centred(grouped.problem(g), solver);
    grouped.scatter(centred.lower.data(), g, out.lower.data());
    grouped.scatter(centred.upper.data(), g, out.upper.data());
  }
  return out;
}

// Values at which some parameters of a group are kept.
struct Pins {
  std::vector<double> value;
  std::vector<bool> pinned;
};

// Remembers how far a solve came.
class Progress final : public Observer {
public:
  explicit Progress(std::size_t parameters) : theta_(parameters) {}
  bool operator()(const double *theta, double objective) override {
    std::copy_n(theta, theta_.size(), theta_.begin());
    objective_ = objective;
    ++accepted_;
    return false;
  }
  int accepted() const { return accepted_; }
  const std::vector<double> &theta() const { return theta_; }
  double objective() const { return objective_; }

private:
  std::vector<double> theta_;
  double objective_ = 0;
  int accepted_ = 0;
};

class Run {
public:
  Run(const Grouped &grouped, const SolverOptions &solver, const GroupedOptions &options,
      Cancel &cancel)
      : grouped_(grouped), solver_(solver), options_(options), cancel_(cancel),
        threads_(options.threads) {
    // Starts are shared out to threads where the evaluation of all groups is too little to be.
    if (options.starts > 1 && grouped.threads(options.threads, 1) == 1) {
      threads_ = 1;
      workers_ = static_cast<int>(std::min<std::int64_t>(
          {grouped.threads(options.threads, start_evaluations), options.starts, round_size}));
    }
    for (int k = 0; k < workers_; ++k)
      slots_.push_back(std::make_unique<Slot>(grouped, solver, threads_, cancel));
    probes_.resize(grouped.groups());
    std::iota(probes_.begin(), probes_.end(), std::size_t{0});
    std::stable_sort(probes_.begin(), probes_.end(), [&](std::size_t a, std::size_t b) {
      return grouped.problem(a).rows() > grouped.problem(b).rows();
    });
    probes_.resize(std::min(probes_.size(), most_probes));
  }

  GroupedSummary run() {
    out_.asked = options_.starts;
    std::vector<double> objectives;
    std::int64_t over = 0;
    for (std::int64_t first = 0; first < options_.starts && !out_.timed_out; first += round_size) {
      const auto count =
          static_cast<std::size_t>(std::min<std::int64_t>(round_size, options_.starts - first));
      std::vector<Outcome> outcomes(count);
      try {
        parallel_for(
            count, workers_,
            [&](std::size_t k, int slot) {
              solve(first + static_cast<std::int64_t>(k), *slots_[static_cast<std::size_t>(slot)],
                    outcomes[k]);
            },
            cancel_);
      } catch (const TimedOut &) {
        out_.timed_out = true;
      }
      for (std::size_t k = 0; k < count; ++k) {
        over += outcomes[k].over;
        if (outcomes[k].over && !outcomes[k].theta.empty())
          objectives.push_back(outcomes[k].summary.objective);
        take(first + static_cast<std::int64_t>(k), std::move(outcomes[k]));
      }
    }
    out_.run = static_cast<std::int64_t>(objectives.size());
    out_.failed = over - out_.run;
    for (const double objective : objectives)
      out_.agreed += std::abs(objective - out_.best.objective) <=
                     same_minimum * out_.best.objective + grouped_.rounding();
    return std::move(out_);
  }

private:
  // What one start's thread owns.
  struct Slot {
    Slot(const Grouped &grouped, const SolverOptions &solver, int threads, Cancel &cancel)
        : model(grouped, threads, cancel), descent(joint_bounds(grouped, solver)) {}
    GroupedModel model;
    Descent descent;
  };

  struct Outcome {
    bool over = false;                      // false: there was no time for it, or not for all of it
    std::vector<std::vector<double>> theta; // by group, natural; empty: no answer
    SolverSummary summary;
  };

  // Throws TimedOut with what there was time for in `out`.
  void solve(std::int64_t k, Slot &slot, Outcome &out) const {
    std::vector<double> all(grouped_.parameters());
    if (settle(k, shared_values(k), all)) {
      Progress progress(all.size());
      try {
        out.summary = slot.descent.solve(slot.model, all.data(), &progress);
      } catch (const TimedOut &) {
        out.summary.status = Status::timeout;
        out.summary.objective = progress.objective();
        out.summary.iterations = progress.accepted();
        if (progress.accepted() > 0)
          out.theta = natural(progress.theta());
        throw;
      }
      if (out.summary.status != Status::bad_start)
        out.theta = natural(all);
    }
    out.over = true;
  }

  void take(std::int64_t start, Outcome outcome) {
    out_.evaluations += outcome.summary.evaluations;
    if (outcome.theta.empty() ||
        (!out_.theta.empty() && !(outcome.summary.objective < out_.best.objective)))
      return;
    out_.theta = std::move(outcome.theta);
    out_.best = outcome.summary;
    out_.best_start = start;
  }

  // Every group's parameters, or nothing where an exponent vanished and its scale x0 with it.
  std::vector<std::vector<double>> natural(const std::vector<double> &all) const {
    std::vector<std::vector<double>> out;
    for (std::size_t g = 0; g < grouped_.groups(); ++g) {
      const Problem &problem = grouped_.problem(g);
      std::vector<double> theta(grouped_.group_parameters());
      grouped_.gather(all.data(), g, theta.data());
      out.push_back(to_natural(problem, solver_, to_centred(problem, solver_), theta));
      if (!std::all_of(out.back().begin(), out.back().end(),
                       [](double x) { return std::isfinite(x); }))
        return {};
    }
    return out;
  }

  bool is_shared(std::size_t i) const {
    const auto &order = grouped_.order();
    return std::find(order.begin() + static_cast<long>(grouped_.own()), order.end(),
                     static_cast<int>(i)) != order.end();
  }

  // All shared parameters of start k: drawn, or the median over what single groups say.
  Pins shared_values(std::int64_t k) const {
    const std::size_t p = grouped_.group_parameters();
    Pins pins{std::vector<double>(p), std::vector<bool>(p)};
    if (k > 0) {
      MultistartOptions draw;
      draw.seed = options_.seed;
      draw.ranges = options_.ranges.front();
      for (std::size_t i = 0; i < p; ++i) {
        if (!is_shared(i))
          draw.ranges[i].kind = StartRange::Kind::eliminated;
        pins.pinned[i] = draw.ranges[i].kind != StartRange::Kind::eliminated;
      }
      draw_start(draw, k - 1, pins.value.data());
    }
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < p; ++i)
      if (is_shared(i) && !pins.pinned[i])
        wanted.push_back(i);
    if (!wanted.empty())
      probe(k, wanted, pins);
    return pins;
  }

  // Pins what is wanted at its median over groups that determine it, or else over any.
  void probe(std::int64_t k, const std::vector<std::size_t> &wanted, Pins &pins) const {
    struct Answer {
      std::vector<double> theta;
      std::vector<bool> undetermined;
    };
    std::vector<Answer> answers(probes_.size());
    in_parallel(probes_.size(), [&](std::size_t a) {
      const Problem &problem = grouped_.problem(probes_[a]);
      answers[a].theta = conditional(k, probes_[a], pins);
      if (answers[a].theta.empty())
        return;
      answers[a].undetermined =
          covariance(problem, answers[a].theta.data(), pins.pinned, cancel_).undetermined;
    });
    for (const std::size_t i : wanted) {
      std::vector<double> determined, any;
      for (const Answer &answer : answers)
        if (!answer.theta.empty()) {
          any.push_back(answer.theta[i]);
          if (!answer.undetermined[i])
            determined.push_back(answer.theta[i]);
        }
      const std::vector<double> &best = determined.empty() ? any : determined;
      pins.value[i] =
          best.empty() ? std::clamp(0.0, solver_.lower[i], solver_.upper[i]) : median(best);
      pins.pinned[i] = true;
    }
  }

  // Every group's own parameters given the shared ones, in centred coordinates. False where a group
  // has no finite value.
  bool settle(std::int64_t k, const Pins &pins, std::vector<double> &all) const {
    std::vector<unsigned char> found(grouped_.groups());
    in_parallel(grouped_.groups(), [&](std::size_t g) {
      std::vector<double> theta = grouped_.own() > 0 ? conditional(k, g, pins) : pins.value;
      found[g] = !theta.empty();
      if (!found[g])
        return;
      grouped_.problem(g).to_centred(theta);
      const auto &order = grouped_.order();
      for (std::size_t a = 0; a < grouped_.own(); ++a)
        all[g * grouped_.own() + a] = theta[static_cast<std::size_t>(order[a])];
    });
    const auto &order = grouped_.order();
    for (std::size_t a = 0; a < grouped_.shared(); ++a)
      all[grouped_.groups() * grouped_.own() + a] =
          pins.value[static_cast<std::size_t>(order[grouped_.own() + a])];
    return std::all_of(found.begin(), found.end(), [](unsigned char ok) { return ok != 0; });
  }

  // The best fit of one group with some parameters pinned, or empty.
  std::vector<double> conditional(std::int64_t k, std::size_t group, const Pins &pins) const {
    SolverOptions solver = solver_;
    solver.tolerance = std::fmax(solver.tolerance, rough_tolerance);
    MultistartOptions options;
    options.seed = options_.seed + static_cast<std::uint64_t>(k);
    options.threads = 1;
    options.ranges = options_.ranges[group];
    std::int64_t nonlinear = 0;
    for (std::size_t i = 0; i < pins.value.size(); ++i) {
      StartRange &range = options.ranges[i];
      if (pins.pinned[i]) {
        solver.lower[i] = solver.upper[i] = pins.value[i];
        range = {StartRange::Kind::uniform, pins.value[i], pins.value[i]};
      } else
        nonlinear += range.kind != StartRange::Kind::eliminated;
    }
    options.starts = nonlinear > 0 ? starts_per_parameter * (1 + nonlinear) : 1;
    MultistartSummary found = multistart(grouped_.problem(group), solver, options, cancel_);
    if (found.timed_out)
      throw TimedOut();
    return std::move(found.theta);
  }

  template <class Body> void in_parallel(std::size_t items, Body &&body) const {
    parallel_for(
        items, grouped_.threads(threads_, single_evaluations),
        [&](std::size_t item, int) { body(item); }, cancel_);
  }

  const Grouped &grouped_;
  const SolverOptions &solver_;
  const GroupedOptions &options_;
  Cancel &cancel_;
  int threads_, workers_ = 1; // within a start, and starts at a time
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::size_t> probes_;
  GroupedSummary out_;
};

} // namespace

GroupedSummary grouped_multistart(const Grouped &grouped, const SolverOptions &solver,
                                  const GroupedOptions &options, Cancel &cancel) {
  return Run(grouped, solver, options, cancel).run();
}

} // namespace lawfit
