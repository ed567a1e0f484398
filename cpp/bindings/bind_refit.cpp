#include "bindings.hpp"

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>

#include "lawfit/refit.hpp"

using namespace lawfit;

namespace {

// None for a law that is no sum of powers of the areas, or has too many free exponents.
std::unique_ptr<StreamingRefitter>
make_refitter(const Program &program, const std::vector<double> &theta,
              const std::vector<bool> &free, const std::shared_ptr<Schedule> &schedule,
              const std::string &warmup, std::int64_t first_step, double delta,
              const std::string &space, bool anchored, const std::vector<double> &lower,
              const std::vector<double> &upper, int max_iterations) {
  if (theta.size() != static_cast<std::size_t>(program.parameters()) || free.size() != theta.size())
    throw py::value_error("theta and free must hold every parameter of the program");
  std::optional<PowerSum> law = read_power_sum(program, theta, free);
  if (!law || !Expansion::fits(*law))
    return nullptr;
  const auto p = static_cast<std::size_t>(law->parameters);
  if (lower.size() != p || upper.size() != p)
    throw py::value_error("bounds must hold the free parameters");
  RefitOptions options;
  options.mode = anchored ? RefitMode::anchored : RefitMode::exact;
  options.residual = {space == "log", delta};
  options.warmup = warmup_named(warmup);
  options.first_step = first_step;
  options.solver.lower = lower;
  options.solver.upper = upper;
  options.solver.max_iterations = max_iterations;
  return std::make_unique<StreamingRefitter>(std::move(*law), schedule, std::move(options));
}

enum class Taken { refitted, wants_start, unread };

// Reads a Python int of 64 bits and a float alone, which takes a tenth of a microsecond; of
// anything else it changes nothing.
int update(StreamingRefitter &refitter, py::handle step, py::handle loss) {
  if (!PyLong_Check(step.ptr()) || PyBool_Check(step.ptr()) || !PyFloat_Check(loss.ptr()))
    return static_cast<int>(Taken::unread);
  int overflow = 0;
  const long long at = PyLong_AsLongLongAndOverflow(step.ptr(), &overflow);
  if (overflow != 0)
    return static_cast<int>(Taken::unread);
  const UsualArithmetic usual;
  refitter.update(at, PyFloat_AS_DOUBLE(loss.ptr()));
  return static_cast<int>(refitter.wants_start() ? Taken::wants_start : Taken::refitted);
}

void start(StreamingRefitter &refitter, const std::vector<double> &theta) {
  if (theta.size() != refitter.theta().size())
    throw py::value_error("theta must hold the free parameters");
  const UsualArithmetic usual;
  refitter.start(theta.data());
}

} // namespace

void bind_refit(py::module_ &module) {
  // An update keeps the GIL: it is over before another thread could have taken it, and none can
  // update a refitter that another is at.
  py::class_<StreamingRefitter>(module, "StreamingRefitter")
      .def_static("of", &make_refitter, py::kw_only(), py::arg("program"), py::arg("theta"),
                  py::arg("free"), py::arg("schedule"), py::arg("warmup"), py::arg("first_step"),
                  py::arg("delta"), py::arg("space"), py::arg("anchored"), py::arg("lower"),
                  py::arg("upper"), py::arg("max_iterations"))
      .def("update", &update, py::arg("step"), py::arg("loss"),
           "0: refitted, 1: a start is wanted, 2: nothing done, for want of an int and a float.")
      .def("start", &start, py::arg("theta"))
      .def("decline_start", &StreamingRefitter::decline_start)
      .def_property_readonly("skipped", &StreamingRefitter::skipped)
      .def_property_readonly("last_step", &StreamingRefitter::last_step)
      .def_property_readonly("steps",
                             [](const StreamingRefitter &r) { return to_array(r.steps()); })
      .def_property_readonly("losses",
                             [](const StreamingRefitter &r) { return to_array(r.losses()); })
      .def_property_readonly("started", &StreamingRefitter::started)
      .def_property_readonly("n", &StreamingRefitter::size)
      .def_property_readonly("theta",
                             [](const StreamingRefitter &r) { return to_array(r.theta()); })
      .def_property_readonly("objective", &StreamingRefitter::objective)
      .def_property_readonly("gap", &StreamingRefitter::gap)
      .def_property_readonly("status",
                             [](const StreamingRefitter &r) { return status_name(r.status()); })
      .def_property_readonly("anchors", &StreamingRefitter::anchors)
      .def_property_readonly("forced_anchors", &StreamingRefitter::forced_anchors)
      .def_property_readonly("evaluated_rows", &StreamingRefitter::evaluated_rows);
}
