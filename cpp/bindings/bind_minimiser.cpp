#include "bindings.hpp"

#include <atomic>
#include <memory>

#include "lawfit/minimiser.hpp"

using namespace lawfit;

namespace {

// Fewer rows times parameters times iterations, of a nanosecond or two each where the law is a sum
// of powers, are done before a Ctrl-C could have waited long. Others may take any time a row.
constexpr double worth_the_gil = 1 << 24;
bool is_small(const Problem &problem, const SolverOptions &options) {
  return problem.evaluator().cheap_hessian() &&
         static_cast<double>(problem.rows() * options.lower.size()) * options.max_iterations <
             worth_the_gil;
}

// For any thread: a call that finds another under way has a minimiser made for itself, as has one
// by what that other polls, a handler of signals.
class Shared {
public:
  Shared(const Problem &problem, const SolverOptions &options, const Prior &prior)
      : problem_(problem), options_(options), prior_(prior), minimiser_(problem, options, prior),
        small_(is_small(problem, options)) {}

  py::tuple solve(const py::sequence &start) {
    const std::size_t count = options_.lower.size();
    if (start.size() != count)
      throw py::value_error("a start must hold the free parameters");
    double theta[max_parameters];
    for (std::size_t k = 0; k < count; ++k)
      theta[k] = start[k].cast<double>();
    SolverSummary found;
    if (small_) {
      Cancel cancel;
      const UsualArithmetic usual;
      found = minimise(theta, cancel);
    } else {
      found = without_gil([&](Cancel &cancel) { return minimise(theta, cancel); });
    }
    py::tuple params(count);
    for (std::size_t k = 0; k < count; ++k)
      params[k] = theta[k];
    return py::make_tuple(params, found.objective, static_cast<int>(found.status), found.iterations,
                          found.evaluations);
  }

private:
  SolverSummary minimise(double *theta, Cancel &cancel) {
    if (busy_.test_and_set(std::memory_order_acquire))
      return Minimiser(problem_, options_, prior_).solve(theta, cancel);
    const Release release{busy_};
    return minimiser_.solve(theta, cancel);
  }

  struct Release {
    std::atomic_flag &busy;
    ~Release() { busy.clear(std::memory_order_release); }
  };

  const Problem &problem_;
  SolverOptions options_;
  Prior prior_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  Minimiser minimiser_;
  bool small_;
};

} // namespace

void bind_minimiser(py::module_ &module) {
  py::class_<Shared>(module, "Minimiser")
      .def(py::init([](const Problem &problem, const std::vector<double> &lower,
                       const std::vector<double> &upper, int max_iterations, double tolerance,
                       const std::vector<double> &mean, const std::vector<double> &precision) {
             const auto p = static_cast<std::size_t>(problem.parameters());
             if (lower.size() != p || upper.size() != p)
               throw py::value_error("bounds must hold the free parameters");
             return std::make_unique<Shared>(problem,
                                             SolverOptions{lower, upper, max_iterations, tolerance},
                                             Prior{mean, precision});
           }),
           py::kw_only(), py::arg("problem"), py::arg("lower"), py::arg("upper"),
           py::arg("max_iterations"), py::arg("tolerance"), py::arg("mean") = std::vector<double>(),
           py::arg("precision") = std::vector<double>(), py::keep_alive<1, 2>())
      .def("solve", &Shared::solve, py::arg("start"),
           "(parameters, objective, index of the status, iterations, evaluations).");
}
