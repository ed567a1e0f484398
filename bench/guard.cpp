// Fixed jobs whose instructions guard.py counts. One run does one job:
//   guard --list        the jobs' names
//   guard --toolchain   what their counts depend on beside the core's code, as JSON
//   guard NAME          sets the job up, then does it in run_job(): what is counted
// Nothing here depends on time, threads, addresses or the environment. Libm and memcpy choose their
// code by the CPU, which valgrind makes the same one everywhere.
#include "cases.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/loss_drop.hpp"
#include "lawfit/multistart.hpp"
#include "lawfit/simd.hpp"

#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

using namespace lawfit;
using bench::Case;
using bench::Point;
using Kind = StartRange::Kind;

using Job = std::function<void()>;

// What callgrind's --toggle-collect names.
extern "C" [[gnu::noinline]] void run_job(const Job &job) { job(); }

namespace {

void expect(bool good, const char *what) {
  if (!good)
    throw std::runtime_error(what);
}

// A fit as a caller has it: the problem, its starts, their minimum and its covariance.
Job fit(Case job, const MultistartOptions &options, double most) {
  return [job = std::move(job), options, most] {
    Cancel cancel;
    const auto problem = job.problem(cancel);
    SolverOptions solver = toys::unbounded(problem->parameters());
    solver.lower.assign(solver.lower.size(), 0);
    const MultistartSummary found = multistart(*problem, solver, options, cancel);
    expect(found.best.objective < most, "the fit did not find its minimum");
    const Covariance errors =
        covariance(*problem, found.theta.data(), std::vector<bool>(found.theta.size()), cancel);
    expect(errors.rank == problem->parameters(), "the data do not determine the fit");
  };
}

MultistartOptions from(const Point &start) {
  MultistartOptions options;
  options.given = {start};
  options.ranges.resize(start.size());
  options.threads = 1;
  return options;
}

MultistartOptions draw(std::int64_t starts, const std::vector<StartRange> &ranges) {
  MultistartOptions options;
  options.starts = starts;
  options.ranges = ranges;
  options.threads = 1;
  return options;
}

Job chinchilla_fit() {
  return fit(bench::chinchilla(240), from({406.4, 410.7, 1.69, 0.34, 0.28}), 1);
}

Job annealing_starts() {
  return fit(bench::annealing(1000),
             draw(8, {{Kind::eliminated, 0, 0},
                      {Kind::eliminated, 0, 0},
                      {Kind::uniform, 0.1, 1.5},
                      {Kind::eliminated, 0, 0}}),
             1);
}

Job tape_fit() { return fit(bench::kaplan_nd(240), from({8.8e13, 0.07, 5.4e13, 0.095}), 1); }

// Areas at every step and at the logged ones, of a run of straight pieces and one of a cosine.
Job schedule_areas() {
  constexpr std::int64_t steps = 100'000;
  const auto straight = bench::schedule(steps, Shape::linear);
  const auto curved = bench::schedule(steps, Shape::cosine);
  const Data at = bench::logged(1000, straight);
  Point s1(steps), s2(steps), ds2(steps);
  return [=]() mutable {
    Cancel cancel;
    for (const auto &run : {straight, curved}) {
      run->areas(0.999, Warmup::peak, nullptr, steps, s1.data(), s2.data(), nullptr, nullptr,
                 cancel);
      run->areas(0.999, Warmup::peak, at.steps.data(), at.rows, s1.data(), s2.data(), ds2.data(),
                 nullptr, cancel);
      expect(s1[999] > 20 && s2[999] > 0, "the areas are wrong");
    }
  };
}

Job loss_drops() {
  constexpr std::size_t rows = 200;
  const auto run = bench::schedule(24000, Shape::cosine);
  const Data at = bench::logged(rows, run);
  Point value(rows), gradient(3 * rows), hessian(6 * rows);
  return [=]() mutable {
    Cancel cancel;
    const LossDrop drop(*run, Warmup::actual, at.steps.data(), rows, false, cancel);
    for (const Point &arguments : {Point{2.0, 0.6, 0.6}, {0.5, 0.3, 0.2}, {8.0, 1.1, 0.9}}) {
      drop.evaluate(arguments.data(), 2, {value.data(), gradient.data(), hessian.data(), rows},
                    cancel);
      expect(value[rows - 1] < 0 && std::isfinite(hessian[6 * rows - 1]),
             "the loss drop is wrong"); // the warm-up rises further than the decay falls
    }
  };
}

struct Entry {
  const char *name;
  Job (*make)();
};

constexpr Entry jobs[] = {{"chinchilla_fit", chinchilla_fit},
                          {"annealing_starts", annealing_starts},
                          {"schedule_areas", schedule_areas},
                          {"tape_fit", tape_fit},
                          {"loss_drops", loss_drops}};

void print_toolchain() {
#if defined(__clang__)
  const char *compiler = __VERSION__;
#else
  const char *compiler = "GCC " __VERSION__;
#endif
#if defined(__GLIBC__)
  const std::string libc = std::string("glibc ") + gnu_get_libc_version();
#else
  const std::string libc = "not glibc";
#endif
#if defined(__x86_64__)
  const char *architecture = "x86_64";
#elif defined(__aarch64__)
  const char *architecture = "aarch64";
#else
  const char *architecture = "other";
#endif
  std::printf("{\"compiler\": \"%s\", \"libc\": \"%s\", \"architecture\": \"%s\", "
              "\"simd\": \"%s\", \"openmp\": %s}\n",
              compiler, libc.c_str(), architecture, simd::level(), has_openmp() ? "true" : "false");
}

int run(const std::string &what) {
  if (what == "--toolchain") {
    print_toolchain();
    return 0;
  }
  for (const auto &[name, make] : jobs) {
    if (what == "--list")
      std::puts(name);
    if (what != name)
      continue;
    simd::level(); // chosen here, not in the job
    run_job(make());
    return 0;
  }
  return what == "--list" ? 0 : 2;
}

} // namespace

int main(int argc, char **argv) {
  try {
    return run(argc == 2 ? argv[1] : "");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "guard: %s\n", error.what());
    return 1;
  }
}
