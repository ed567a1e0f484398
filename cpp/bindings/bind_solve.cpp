#include "bindings.hpp"

#include <algorithm>

#include "lawfit/covariance.hpp"
#include "lawfit/multistart.hpp"

using namespace lawfit;

namespace {

struct Solution {
  MultistartSummary search;
  Covariance covariance;
  std::vector<bool> at_lower, at_upper;
};

Status final_status(const Solution &solution) {
  if (solution.search.theta.empty())
    return Status::bad_start;
  const auto &undetermined = solution.covariance.undetermined;
  const bool lost = std::find(undetermined.begin(), undetermined.end(), true) != undetermined.end();
  const Status status = solution.search.best.status;
  return lost && is_success(status) ? Status::rank_deficient : status;
}

using RangeTuple = std::tuple<std::string, double, double>;

StartRange range_from(const RangeTuple &range) {
  using Kind = StartRange::Kind;
  static const std::pair<const char *, Kind> kinds[] = {{"uniform", Kind::uniform},
                                                        {"log", Kind::log},
                                                        {"mirrored", Kind::mirrored},
                                                        {"eliminated", Kind::eliminated}};
  const auto &[name, low, high] = range;
  for (const auto &[known, kind] : kinds)
    if (name == known)
      return {kind, low, high};
  throw py::value_error("unknown kind of range");
}

Solution solve(const Problem &problem, const std::vector<double> &lower,
               const std::vector<double> &upper, int max_iterations, double tolerance,
               std::int64_t starts, std::uint64_t seed, int threads,
               const std::vector<RangeTuple> &ranges,
               const std::vector<std::vector<double>> &given) {
  const auto p = static_cast<std::size_t>(problem.parameters());
  SolverOptions solver{lower, upper, max_iterations, tolerance};
  MultistartOptions options{starts, seed, threads, {}, given};
  for (const RangeTuple &range : ranges)
    options.ranges.push_back(range_from(range));
  if (lower.size() != p || upper.size() != p || options.ranges.size() != p)
    throw py::value_error("bounds and ranges must hold the free parameters");
  for (const auto &start : given)
    if (start.size() != p)
      throw py::value_error("starts must hold the free parameters");

  return without_gil([&](Cancel &cancel) {
    Solution out;
    out.search = multistart(problem, solver, options, cancel);
    const std::vector<double> &theta = out.search.theta;
    if (theta.empty())
      return out;
    std::vector<bool> at_bound(p);
    for (std::size_t i = 0; i < p; ++i) {
      out.at_lower.push_back(theta[i] <= lower[i]);
      out.at_upper.push_back(theta[i] >= upper[i]);
      at_bound[i] = out.at_lower[i] || out.at_upper[i];
    }
    out.covariance = covariance(problem, theta.data(), at_bound, cancel);
    return out;
  });
}

} // namespace

void bind_solve(py::module_ &module) {
  py::list names;
  for (Status status : statuses)
    names.append(status_name(status));
  module.attr("STATUSES") = py::tuple(names);

  py::class_<Solution>(module, "Solution")
      .def_property_readonly("theta", [](const Solution &s) { return to_array(s.search.theta); })
      .def_property_readonly("objective", [](const Solution &s) { return s.search.best.objective; })
      .def_property_readonly("status",
                             [](const Solution &s) { return status_name(final_status(s)); })
      .def_property_readonly("message",
                             [](const Solution &s) { return status_sentence(final_status(s)); })
      .def_property_readonly("iterations",
                             [](const Solution &s) { return s.search.best.iterations; })
      .def_property_readonly("evaluations", [](const Solution &s) { return s.search.evaluations; })
      .def_property_readonly("starts_asked", [](const Solution &s) { return s.search.asked; })
      .def_property_readonly("starts_run", [](const Solution &s) { return s.search.run; })
      .def_property_readonly("starts_merged", [](const Solution &s) { return s.search.merged; })
      .def_property_readonly("starts_failed", [](const Solution &s) { return s.search.failed; })
      .def_property_readonly("starts_agreed", [](const Solution &s) { return s.search.agreed; })
      .def_readonly("at_lower", &Solution::at_lower)
      .def_readonly("at_upper", &Solution::at_upper)
      .def_property_readonly("covariance",
                             [](const Solution &s) { return to_array(s.covariance.best()); })
      .def_property_readonly("rank", [](const Solution &s) { return s.covariance.rank; })
      .def_property_readonly("condition", [](const Solution &s) { return s.covariance.condition; })
      .def_property_readonly("undetermined",
                             [](const Solution &s) { return s.covariance.undetermined; })
      .def_property_readonly("from_hessian", [](const Solution &s) {
        return s.covariance.from_hessian || !s.covariance.smoothed.empty();
      });

  module.def("solve", &solve, py::kw_only(), py::arg("problem"), py::arg("lower"), py::arg("upper"),
             py::arg("max_iterations"), py::arg("tolerance"), py::arg("starts"), py::arg("seed"),
             py::arg("threads"), py::arg("ranges"), py::arg("given"));
}
