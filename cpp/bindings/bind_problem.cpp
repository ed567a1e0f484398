#include "bindings.hpp"

#include <algorithm>
#include <memory>

#include "lawfit/problem.hpp"

using namespace lawfit;

ProblemOptions options_from(const std::string &loss, double delta, const std::string &space) {
  ProblemOptions options;
  if (loss == "squared")
    options.loss = Loss::squared;
  else if (loss == "huber")
    options.loss = Loss::huber;
  else if (loss == "soft_l1")
    options.loss = Loss::soft_l1;
  else if (loss == "binomial")
    options.loss = Loss::binomial;
  else
    throw py::value_error("unknown loss");
  options.delta = delta;
  if (space != "log" && space != "linear")
    throw py::value_error("unknown space");
  options.space = space == "log" ? Space::log : Space::linear;
  return options;
}

namespace {

std::unique_ptr<Problem> make_problem(const Program &program, const Data &data,
                                      const DoubleArray &y, const DoubleArray &weights,
                                      const std::string &loss, double delta,
                                      const std::string &space, const std::vector<double> &theta,
                                      const std::vector<bool> &free,
                                      const std::vector<bool> &may_centre,
                                      const std::vector<bool> &logarithmic) {
  check_fits(program, data, theta.size());
  const auto count = static_cast<std::size_t>(std::count(free.begin(), free.end(), true));
  if (free.size() != theta.size() || may_centre.size() != count)
    throw py::value_error("theta, free and may_centre do not fit together");
  ProblemOptions options = options_from(loss, delta, space);
  options.logarithmic = logarithmic;
  std::vector<double> target = to_vector<double>(y), weight = to_vector<double>(weights);
  return without_gil([&](Cancel &cancel) {
    return std::make_unique<Problem>(program, data, std::move(target), std::move(weight), options,
                                     theta, free, may_centre, cancel);
  });
}

// (objective, gradient[p], Gauss–Newton[p, p], Hessian[p, p]) by the free parameters.
py::tuple derivatives(const Problem &problem, const std::vector<double> &theta) {
  const auto p = static_cast<std::size_t>(problem.parameters());
  if (theta.size() != p)
    throw py::value_error("theta must hold the free parameters");
  const auto out = std::make_unique<Evaluation>();
  without_gil([&](Cancel &cancel) {
    Problem::Workspace work(problem, Coordinates::natural);
    return problem.evaluate(theta.data(), 2, *out, work, cancel);
  });
  const auto matrix = [&](const double *values) {
    return py::array_t<double>({problem.parameters(), problem.parameters()}, values);
  };
  return py::make_tuple(out->objective, py::array_t<double>(problem.parameters(), out->gradient),
                        matrix(out->gauss_newton), matrix(out->hessian));
}

py::array_t<double> predict(const Problem &problem, const std::vector<double> &theta) {
  if (theta.size() != static_cast<std::size_t>(problem.parameters()))
    throw py::value_error("theta must hold the free parameters");
  std::vector<double> values(problem.rows());
  without_gil([&](Cancel &cancel) {
    Problem::Workspace work(problem, Coordinates::natural);
    problem.predict(theta.data(), values.data(), work, cancel);
  });
  return to_array(values);
}

// (value[rows], ∂f/∂θ[rows, p]) by the free parameters.
py::tuple jacobian(const Problem &problem, const std::vector<double> &theta) {
  const auto p = static_cast<std::size_t>(problem.parameters());
  if (theta.size() != p)
    throw py::value_error("theta must hold the free parameters");
  std::vector<double> values(problem.rows()), matrix(problem.rows() * p);
  without_gil([&](Cancel &cancel) {
    Problem::Workspace work(problem, Coordinates::natural);
    problem.visit_rows(theta.data(), block_rows, block_rows, work, cancel,
                       [&](const Problem::Rows &rows) {
                         std::copy_n(rows.value, rows.n, values.data() + rows.first);
                         for (std::size_t k = 0; k < p; ++k)
                           for (std::size_t i = 0; i < rows.n; ++i)
                             matrix[(rows.first + i) * p + k] = rows.jacobian[k * block_rows + i];
                       });
  });
  return py::make_tuple(to_array(values), py::array_t<double>({problem.rows(), p}, matrix.data()));
}

} // namespace

void check_fits(const Program &program, const Data &data, std::size_t parameters) {
  if (data.columns.size() != static_cast<std::size_t>(program.columns()))
    throw py::value_error("the program and the data differ in columns");
  if (parameters != static_cast<std::size_t>(program.parameters()))
    throw py::value_error("theta must hold every parameter of the program");
  if (program.uses_schedule() && data.tracks.empty())
    throw py::value_error("the program needs schedules");
  const int external = program.external_arguments();
  if (external >= 0 &&
      (!data.external || data.external->arguments() != static_cast<std::size_t>(external)))
    throw py::value_error("the program needs a function of as many arguments as it calls it with");
}

void bind_problem(py::module_ &module) {
  py::class_<Problem>(module, "Problem")
      .def(py::init(&make_problem), py::kw_only(), py::arg("program"), py::arg("data"),
           py::arg("y"), py::arg("weights"), py::arg("loss"), py::arg("delta"), py::arg("space"),
           py::arg("theta"), py::arg("free"), py::arg("may_centre"),
           py::arg("logarithmic") = std::vector<bool>{})
      .def_property_readonly("evaluator", [](const Problem &p) { return p.evaluator().name(); })
      .def_property_readonly("linear", &Problem::linear)
      .def_property_readonly("rounding", &Problem::rounding,
                             "An objective as small as this is zero but for rounding.")
      .def("predict", &predict, py::arg("theta"), "The law's value at every row, float64[rows].")
      .def("jacobian", &jacobian, py::arg("theta"),
           "(value, derivatives by the free parameters) at every row, float64[rows] and [rows, p].")
      .def("derivatives", &derivatives, py::arg("theta"),
           "(objective, gradient, Gauss-Newton matrix, Hessian) by the free parameters.");
}
