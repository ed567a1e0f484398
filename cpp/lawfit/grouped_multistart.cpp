#include "lawfit/grouped_multistart.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lawfit/covariance.hpp"
#include "lawfit/start_design.hpp"

namespace lawfit {
namespace {

// Groups, those with the most rows, that tell of the shared parameters by themselves.
constexpr std::size_t most_probes = 32;
// Starts of a fit of one group for each nonlinear parameter left to it, and as many more.
constexpr std::int64_t starts_per_parameter = 4;
// Fits of one group only begin the joint one.
constexpr double rough_tolerance = 1e-6;
// Objectives this close, relatively, belong to the same minimum.
constexpr double same_minimum = 1e-6;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

SolverOptions joint_bounds(const Grouped &grouped, const SolverOptions &solver) {
  SolverOptions out = solver;
  out.lower.resize(grouped.parameters());
  out.upper.resize(grouped.parameters());
  for (std::size_t g = 0; g < grouped.groups(); ++g) {
    grouped.scatter(solver.lower.data(), g, out.lower.data());
    grouped.scatter(solver.upper.data(), g, out.upper.data());
  }
  return out;
}

// Values at which some parameters of a group are kept.
struct Pins {
  std::vector<double> value;
  std::vector<bool> pinned;
};

class Run {
public:
  Run(const Grouped &grouped, const SolverOptions &solver, const GroupedOptions &options,
      Cancel &cancel)
      : grouped_(grouped), solver_(solver), options_(options), cancel_(cancel),
        model_(grouped, options.threads, cancel), descent_(joint_bounds(grouped, solver)) {
    probes_.resize(grouped.groups());
    std::iota(probes_.begin(), probes_.end(), std::size_t{0});
    std::stable_sort(probes_.begin(), probes_.end(), [&](std::size_t a, std::size_t b) {
      return grouped.problem(a).rows() > grouped.problem(b).rows();
    });
    probes_.resize(std::min(probes_.size(), most_probes));
  }

  GroupedSummary run() {
    std::vector<double> objectives;
    for (std::int64_t k = 0; k < options_.starts; ++k) {
      const double objective = solve(k);
      if (std::isfinite(objective))
        objectives.push_back(objective);
    }
    out_.asked = options_.starts;
    out_.run = static_cast<std::int64_t>(objectives.size());
    out_.failed = out_.asked - out_.run;
    for (const double objective : objectives)
      out_.agreed += std::abs(objective - out_.best.objective) <=
                     same_minimum * out_.best.objective + grouped_.rounding();
    return std::move(out_);
  }

private:
  // The objective reached, or NaN.
  double solve(std::int64_t k) {
    std::vector<double> all(grouped_.parameters());
    if (!settle(k, shared_values(k), all))
      return std::nan("");
    const SolverSummary summary = descent_.solve(model_, all.data());
    out_.evaluations += summary.evaluations;
    if (summary.status == Status::bad_start)
      return std::nan("");
    std::vector<std::vector<double>> natural;
    for (std::size_t g = 0; g < grouped_.groups(); ++g) {
      natural.emplace_back(grouped_.group_parameters());
      grouped_.gather(all.data(), g, natural.back().data());
      grouped_.problem(g).to_natural(natural.back());
      for (std::size_t i = 0; i < natural.back().size(); ++i) {
        // Where an exponent vanished, its scale x0 has no natural value: no answer to give.
        if (!std::isfinite(natural.back()[i]))
          return std::nan("");
        natural.back()[i] = std::clamp(natural.back()[i], solver_.lower[i], solver_.upper[i]);
      }
    }
    if (out_.theta.empty() || summary.objective < out_.best.objective) {
      out_.theta = std::move(natural);
      out_.best = summary;
      out_.best_start = k;
    }
    return summary.objective;
  }

  bool is_shared(std::size_t i) const {
    const auto &order = grouped_.order();
    return std::find(order.begin() + static_cast<long>(grouped_.own()), order.end(),
                     static_cast<int>(i)) != order.end();
  }

  // All shared parameters of start k: drawn, or the median over what single groups say.
  Pins shared_values(std::int64_t k) {
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
  void probe(std::int64_t k, const std::vector<std::size_t> &wanted, Pins &pins) {
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
  bool settle(std::int64_t k, const Pins &pins, std::vector<double> &all) {
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
  std::vector<double> conditional(std::int64_t k, std::size_t group, const Pins &pins) {
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
    return multistart(grouped_.problem(group), solver, options, cancel_).theta;
  }

  template <class Body> void in_parallel(std::size_t items, Body &&body) {
    constexpr double evaluations = 10; // of a group, till it is fitted by itself
    parallel_for(
        items, grouped_.threads(options_.threads, evaluations),
        [&](std::size_t item, int) { body(item); }, cancel_);
  }

  const Grouped &grouped_;
  const SolverOptions &solver_;
  const GroupedOptions &options_;
  Cancel &cancel_;
  GroupedModel model_;
  Descent descent_;
  std::vector<std::size_t> probes_;
  GroupedSummary out_;
};

} // namespace

GroupedSummary grouped_multistart(const Grouped &grouped, const SolverOptions &solver,
                                  const GroupedOptions &options, Cancel &cancel) {
  return Run(grouped, solver, options, cancel).run();
}

} // namespace lawfit
