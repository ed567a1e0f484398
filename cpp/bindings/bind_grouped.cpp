#include "bindings.hpp"

#include <utility>

#include "lawfit/grouped_covariance.hpp"
#include "lawfit/grouped_multistart.hpp"
#include "solution.hpp"

using namespace lawfit;

namespace {

// The fit of all groups, its covariance that of the shared parameters; and every group's own.
using Solutions = std::pair<Solution, std::vector<Solution>>;

Solution counted(const GroupedSummary &found) {
  Solution out;
  out.search.best = found.best;
  out.search.best_start = found.best_start;
  out.search.asked = found.asked;
  out.search.run = found.run;
  out.search.failed = found.failed;
  out.search.agreed = found.agreed;
  out.search.evaluations = found.evaluations;
  out.search.timed_out = found.timed_out;
  return out;
}

double objective_of(const Problem &problem, const std::vector<double> &theta, Cancel &cancel) {
  const auto out = std::make_unique<Evaluation>();
  Problem::Workspace work(problem, Coordinates::natural);
  problem.evaluate(theta.data(), 0, *out, work, cancel);
  return out->objective;
}

Solutions describe(const Grouped &grouped, const GroupedSummary &found, const SolverOptions &solver,
                   int threads, Cancel &cancel) {
  Solutions out{counted(found), std::vector<Solution>(grouped.groups(), counted(found))};
  if (found.theta.empty())
    return out;
  std::vector<std::vector<bool>> at_bound;
  for (std::size_t g = 0; g < grouped.groups(); ++g) {
    Solution &group = out.second[g];
    group.search.theta = found.theta[g];
    group.search.best.objective = objective_of(grouped.problem(g), found.theta[g], cancel);
    at_bound.push_back(group.mark_bounds(solver.lower, solver.upper));
  }
  GroupedCovariance errors = grouped_covariance(grouped, found.theta, at_bound, threads, cancel);
  for (std::size_t g = 0; g < grouped.groups(); ++g)
    out.second[g].covariance = std::move(errors.groups[g]);
  out.first.search.theta = found.theta.front();
  out.first.covariance = std::move(errors.shared);
  return out;
}

Solutions solve_grouped(const std::vector<const Problem *> &problems,
                        const std::vector<bool> &shared, const std::vector<double> &lower,
                        const std::vector<double> &upper, int max_iterations, double tolerance,
                        std::int64_t starts, std::uint64_t seed, int threads,
                        const std::vector<std::vector<RangeTuple>> &ranges, double timeout) {
  const Grouped grouped(problems, shared);
  const SolverOptions solver{lower, upper, max_iterations, tolerance};
  GroupedOptions options{starts, seed, threads, {}};
  for (const auto &group : ranges)
    options.ranges.push_back(ranges_from(group));
  const std::size_t p = grouped.group_parameters();
  if (lower.size() != p || upper.size() != p || options.ranges.size() != problems.size())
    throw py::value_error("bounds and ranges do not fit the problems");
  for (const auto &group : options.ranges)
    if (group.size() != p)
      throw py::value_error("ranges must hold the free parameters");
  const auto work = [&](Cancel &cancel) {
    const GroupedSummary found = grouped_multistart(grouped, solver, options, cancel);
    Untimed rest(cancel);
    return describe(grouped, found, solver, threads, rest);
  };
  return without_gil(work, timeout);
}

} // namespace

void bind_grouped(py::module_ &module) {
  module.def("solve_grouped", &solve_grouped, py::kw_only(), py::arg("problems"), py::arg("shared"),
             py::arg("lower"), py::arg("upper"), py::arg("max_iterations"), py::arg("tolerance"),
             py::arg("starts"), py::arg("seed"), py::arg("threads"), py::arg("ranges"),
             py::arg("timeout"));
}
