// The inner loop allocates nothing: this program counts what its heap is asked for.
#include "area_toys.hpp"
#include "check.hpp"
#include "lawfit/loss_drop.hpp"
#include "lawfit/minimiser.hpp"
#include "lawfit/moment_area.hpp"
#include "lawfit/resample.hpp"
#include "lawfit/row_areas.hpp"
#include "run_toys.hpp"
#include "toy_laws.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>

static std::size_t allocations = 0, bytes = 0;

#if defined(__GNUC__) && !defined(__clang__)
// GCC sees malloc behind new once it is inlined, and not that free is behind delete.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

// The others, and the arrays', end in these.
void *operator new(std::size_t size) {
  ++allocations;
  bytes += size;
  if (void *memory = std::malloc(size))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { operator delete(memory); }

using namespace lawfit;

static void test_counter() {
  const std::size_t before = allocations;
  const auto one = std::make_unique<int>(1);
  const toys::Point two(2);
  CHECK(allocations == before + 2 && *one == 1 && two.size() == 2);
}

static void test_solve() {
  for (const toys::Law &law : toys::laws()) {
    const Data data = toys::data_of(law, 300);
    for (Space space : {Space::log, Space::linear}) {
      toys::Point y = toys::noisy(law.program, data, law.theta, 0.01), theta = law.theta;
      if (space == Space::log)
        for (double &value : y)
          value = std::fmax(std::abs(value), 0.1);
      Cancel cancel;
      const auto free = toys::all(theta.size());
      const Problem problem(law.program, data, y, {}, {Loss::huber, 1e-3, space}, law.theta, free,
                            free, cancel);
      for (Coordinates coordinates : {Coordinates::natural, Coordinates::centred}) {
        toys::ProblemObjective objective(problem, coordinates);
        LevenbergMarquardt solver(toys::unbounded(problem.parameters()));
        toys::Point start = theta;
        if (coordinates == Coordinates::centred)
          problem.to_centred(start);
        for (double &value : start)
          value *= 0.98;
        const std::size_t before = allocations;
        const SolverSummary summary = solver.solve(objective, start.data());
        if (law.has_free_lambda())
          // The filter behind the areas is made anew for every lambda and curve.
          CHECK(allocations - before < 40 * static_cast<std::size_t>(summary.evaluations));
        else
          CHECK(allocations == before);
        CHECK(summary.evaluations > 3);
      }
    }
  }
}

static void test_minimiser() {
  for (const toys::Law &law : toys::laws()) {
    if (law.has_free_lambda())
      continue; // as above
    const Data data = toys::data_of(law, 300);
    const toys::Point y = toys::noisy(law.program, data, law.theta, 0.01);
    const std::size_t p = law.theta.size();
    const auto free = toys::all(p);
    Cancel cancel;
    // What is positive by its logarithm, where the law has it otherwise as it is.
    std::vector<bool> logarithmic;
    for (double value : law.theta)
      logarithmic.push_back(value > 0);
    for (const std::vector<bool> &sought : {std::vector<bool>(p), logarithmic}) {
      const Problem problem(law.program, data, y, {}, {Loss::huber, 1e-3, Space::linear, sought},
                            law.theta, free, free, cancel);
      SolverOptions options = toys::unbounded(problem.parameters());
      for (std::size_t k = 0; k < p; ++k)
        if (law.theta[k] > 0)
          options.lower[k] = 0;
      Minimiser minimiser(problem, options);
      for (double share : {0.98, 1.01, 0.98}) {
        toys::Point theta = law.theta;
        for (double &value : theta)
          value *= share;
        const std::size_t before = allocations;
        const SolverSummary summary = minimiser.solve(theta.data(), cancel);
        CHECK(allocations == before);
        CHECK(summary.evaluations > 3);
      }
    }
  }
}

// Of laws whose parameters rows tell apart without a doubt: where there is one, a parameter's
// errors are asked for.
static void test_refits() {
  for (const toys::Law &law : toys::laws()) {
    const std::string &name = law.name;
    if (name != "chinchilla" && name != "exponential decay" && name != "power of a sum")
      continue;
    const Data data = toys::data_of(law, 200);
    const toys::Point y = toys::noisy(law.program, data, law.theta, 1e-3);
    Cancel cancel;
    const auto free = toys::all(law.theta.size());
    const Problem problem(law.program, data, y, {}, {Loss::huber, 1e-3, Space::linear}, law.theta,
                          free, free, cancel);
    const ResamplePlan plan(problem, toys::unbounded(problem.parameters()), law.theta, cancel);
    Refitter refitter(plan, cancel);
    toys::Point theta(law.theta.size());
    double objective = 0;
    std::int8_t status = 0;
    const ResampleOptions options{20, 1, 1, {}};
    for (std::int64_t k = 0; k < options.replicates; ++k) {
      const std::size_t before = allocations;
      refitter.refit(options, k, 0, {theta.data(), 1, &objective, &status});
      CHECK(allocations == before);
      CHECK(objective > 0);
    }
  }
}

// A thread's first evaluation makes room for the powers of the LR.
static void test_areas() {
  const Schedule schedule = toys::warmed(90, {toys::stretch(Shape::cosine, 900, 3e-4, 1e-5)});
  const toys::Steps at = toys::every(schedule.steps(), 30);
  Cancel cancel;
  const LossDrop drop(schedule, Warmup::actual, at.data(), at.size(), Detail::fine, cancel);
  const MomentArea area(schedule, Warmup::actual, at.data(), at.size());
  toys::Rows by_drop(at.size(), 3), by_area(at.size(), 2);
  const double arguments[] = {2.0, 0.6, 0.6};
  drop.evaluate(arguments, 2, by_drop.out(), cancel);
  const std::size_t before = allocations;
  drop.evaluate(arguments, 2, by_drop.out(), cancel);
  area.evaluate(arguments, 2, by_area.out(), cancel);
  CHECK(allocations == before);
}

// But for vectors that double when they are full.
static void test_streaming_refits() {
  const toys::Run run(6000, 2e-3);
  for (RefitMode mode : {RefitMode::exact, RefitMode::anchored}) {
    StreamingRefitter refitter = run.refitter(mode, {true, 1e-3});
    std::size_t before = 0;
    for (std::size_t i = 0; i < run.at.size(); ++i) {
      refitter.update(run.at[i], run.y[i]);
      if (i == 20)
        refitter.start(run.theta.data());
      if (i == 4200)
        before = allocations;
    }
    // Two anchors have three columns of near rows each, which double a few times as the decay
    // begins.
    CHECK(allocations - before <= 48);
  }
}

// A schedule is written out once for all curves under it, and never where it is a table already.
static void test_schedules_are_shared() {
  constexpr std::size_t curves = 10, steps = 100'000;
  const auto piece = toys::stretch(Shape::cosine, steps, 3e-4, 1e-5);
  const auto cosine = std::make_shared<const Schedule>(Schedule::from_pieces({piece}, 0));
  const auto table = std::make_shared<const Schedule>(cosine->tabulated(steps));
  for (const auto &[schedule, most] :
       {std::pair(cosine, 2 * steps * sizeof(double)), std::pair(table, std::size_t{10'000})})
    for (Op op : {Op::s2, Op::moment_area}) {
      Data data;
      data.rows = curves;
      for (std::size_t k = 0; k < curves; ++k) {
        data.steps.push_back(steps - 1);
        data.tracks.push_back({schedule, k, k + 1});
      }
      Cancel cancel;
      const std::size_t before = bytes;
      const auto area = make_row_function(op, data, cancel);
      CHECK(bytes - before < most);
    }
}

int main() {
  test_counter();
  test_schedules_are_shared();
  test_areas();
  test_solve();
  test_minimiser();
  test_refits();
  test_streaming_refits();
  return check::finish();
}
