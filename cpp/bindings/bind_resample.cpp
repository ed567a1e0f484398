#include "bindings.hpp"

#include <limits>

#include "lawfit/resample.hpp"

using namespace lawfit;

namespace {

using StatusArray = py::array_t<std::int8_t, py::array::c_style>;

void check_parts(const std::vector<std::size_t> &parts, std::size_t rows) {
  if (rows == 0 || rows > std::numeric_limits<std::uint32_t>::max())
    throw py::value_error("a bootstrap takes 1 to 2^32 - 1 rows");
  std::size_t next = 0;
  for (std::size_t k = 0; k < parts.size(); next = parts[k++] + 1)
    if (parts[k] < next || parts[k] >= rows || (k == 0 && parts[k] != 0))
      throw py::value_error("parts must be ascending rows from 0");
}

// How many times each row counts in one replicate.
py::array_t<std::uint32_t> drawn_rows(std::size_t rows, std::int64_t replicate, std::uint64_t seed,
                                      const std::vector<std::size_t> &parts) {
  check_parts(parts, rows);
  std::vector<std::uint32_t> times(rows);
  draw_rows({0, seed, 0, parts}, replicate, times);
  return to_array(times);
}

// (theta[p, n], objective[n], status[n]: an index of STATUSES)
py::tuple bootstrap(const Problem &problem, const std::vector<double> &theta,
                    const std::vector<double> &lower, const std::vector<double> &upper,
                    int max_iterations, double tolerance, std::int64_t replicates,
                    std::uint64_t seed, int threads, const std::vector<std::size_t> &parts,
                    double timeout) {
  const auto p = static_cast<std::size_t>(problem.parameters());
  if (theta.size() != p || lower.size() != p || upper.size() != p)
    throw py::value_error("theta and bounds must hold the free parameters");
  check_parts(parts, problem.rows());
  const auto n = static_cast<py::ssize_t>(replicates);
  DoubleArray values({static_cast<py::ssize_t>(p), n}), objective(n);
  StatusArray status(n);
  const Replicates out{values.mutable_data(), static_cast<std::size_t>(replicates),
                       objective.mutable_data(), status.mutable_data()};
  const SolverOptions solver{lower, upper, max_iterations, tolerance};
  const ResampleOptions options{replicates, seed, threads, parts};
  without_gil([&](Cancel &cancel) { resample(problem, solver, theta, options, out, cancel); },
              timeout);
  return py::make_tuple(std::move(values), std::move(objective), std::move(status));
}

} // namespace

void bind_resample(py::module_ &module) {
  module.def("drawn_rows", &drawn_rows, py::kw_only(), py::arg("rows"), py::arg("replicate"),
             py::arg("seed"), py::arg("parts"));
  module.def("bootstrap", &bootstrap, py::kw_only(), py::arg("problem"), py::arg("theta"),
             py::arg("lower"), py::arg("upper"), py::arg("max_iterations"), py::arg("tolerance"),
             py::arg("replicates"), py::arg("seed"), py::arg("threads"), py::arg("parts"),
             py::arg("timeout"));
}
