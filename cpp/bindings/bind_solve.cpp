#include "bindings.hpp"

#include <algorithm>

#include "solution.hpp"

using namespace lawfit;

namespace {

Solution solve(const Problem &problem, const std::vector<double> &lower,
               const std::vector<double> &upper, int max_iterations, double tolerance,
               std::int64_t starts, std::uint64_t seed, int threads,
               const std::vector<RangeTuple> &ranges, const std::vector<std::vector<double>> &given,
               const Problem *coarse, double timeout, const Program *program, const Data *data,
               const std::vector<double> &values, const std::vector<bool> &free) {
  const auto p = static_cast<std::size_t>(problem.parameters());
  SolverOptions solver{lower, upper, max_iterations, tolerance};
  MultistartOptions options;
  options.starts = starts;
  options.seed = seed;
  options.threads = threads;
  options.ranges = ranges_from(ranges);
  options.given = given;
  options.coarse = coarse;
  if (coarse && coarse->parameters() != problem.parameters())
    throw py::value_error("the coarse problem must have the same free parameters");
  if (lower.size() != p || upper.size() != p || options.ranges.size() != p)
    throw py::value_error("bounds and ranges must hold the free parameters");
  for (const auto &start : given)
    if (start.size() != p)
      throw py::value_error("starts must hold the free parameters");
  if (program) {
    if (!data || free.size() != values.size() ||
        std::count(free.begin(), free.end(), true) != problem.parameters())
      throw py::value_error("program, data, theta and free do not fit together");
    check_fits(*program, *data, values.size());
    if (data->rows != problem.rows())
      throw py::value_error("the problem and the data differ in rows");
  }

  const auto work = [&](Cancel &cancel) {
    Solution out;
    out.search = multistart(problem, solver, options, cancel);
    const std::vector<double> &theta = out.search.theta;
    if (theta.empty())
      return out;
    const std::vector<bool> at_bound = out.mark_bounds(lower, upper);
    Untimed rest(cancel);
    out.covariance = covariance(problem, theta.data(), at_bound, rest);
    if (program && is_success(out.status()))
      out.take(refine(problem, {*program, *data, values, free}, solver, theta, at_bound,
                      out.covariance, rest));
    return out;
  };
  return without_gil(work, timeout);
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
      .def_property_readonly("status", [](const Solution &s) { return status_name(s.status()); })
      .def_property_readonly("message",
                             [](const Solution &s) { return status_sentence(s.status()); })
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
                             [](const Solution &s) { return to_array(s.covariance.matrix); })
      .def_property_readonly("precision", [](const Solution &s) { return to_array(s.precision); })
      .def_property_readonly("residuals", [](const Solution &s) { return to_array(s.residuals); })
      .def_property_readonly("rank", [](const Solution &s) { return s.covariance.rank; })
      .def_property_readonly("condition", [](const Solution &s) { return s.covariance.condition; })
      .def_property_readonly("undetermined",
                             [](const Solution &s) { return s.covariance.undetermined; })
      .def_property_readonly("from_hessian",
                             [](const Solution &s) { return s.covariance.from_hessian; });

  module.def("solve", &solve, py::kw_only(), py::arg("problem"), py::arg("lower"), py::arg("upper"),
             py::arg("max_iterations"), py::arg("tolerance"), py::arg("starts"), py::arg("seed"),
             py::arg("threads"), py::arg("ranges"), py::arg("given"), py::arg("coarse"),
             py::arg("timeout"), py::arg("program") = nullptr, py::arg("data") = nullptr,
             py::arg("theta") = std::vector<double>{}, py::arg("free") = std::vector<bool>{},
             "With the law itself (program, data, and as of a Problem theta and free), the minimum "
             "is given the digits that the law's rounding took.");
}
