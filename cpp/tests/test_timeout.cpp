#include "check.hpp"
#include "lawfit/floating_point.hpp"
#include "lawfit/multistart.hpp"
#include "lawfit/resample.hpp"
#include "toys.hpp"

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

using namespace lawfit;
using Kind = StartRange::Kind;
using toys::Formula;
using toys::Point;

namespace {

const auto goes_on = [] { return true; };

// Waits until the time of a Cancel is up.
void exhaust(Cancel &cancel) {
  const auto check_for = [&](std::chrono::milliseconds most) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (std::chrono::steady_clock::now() < end)
      cancel.check();
  };
  CHECK_THROWS(check_for(std::chrono::seconds(20)), TimedOut);
}

// a·x^-b + c in noise, with a second minimum of worse starts or not.
struct Rig {
  Rig() {
    Formula f;
    auto a = f.parameter(), b = f.parameter(), c = f.parameter();
    a *pow(f.column(0), -b) + c;
    const Point theta = {200, 0.3, 2};
    const Data data = toys::columns(3000);
    Cancel cancel;
    const Point y = toys::noisy(f.program(), data, theta, 0.01);
    problem = std::make_unique<Problem>(f.program(), data, y, Point(), ProblemOptions(), theta,
                                        toys::all(3), toys::all(3), cancel);
    solver.lower = {0, 0, 0};
    solver.upper = Point(3, toys::infinity);
    options.ranges = {{Kind::log, 1, 1e4}, {Kind::log, 0.03, 3}, {Kind::log, 0.1, 10}};
    options.starts = 1'000'000'000'000;
  }
  double objective(const Point &theta) const {
    Cancel cancel;
    Problem::Workspace work(*problem, Coordinates::natural);
    const auto at = std::make_unique<Evaluation>();
    problem->evaluate(theta.data(), 0, *at, work, cancel);
    return at->objective;
  }
  std::unique_ptr<Problem> problem;
  SolverOptions solver;
  MultistartOptions options;
};

} // namespace

static void test_limits() {
  Cancel never(goes_on), century(goes_on, 1e10), now(goes_on, -1), soon(goes_on, 0.01);
  CHECK(!never.timed() && !century.timed() && now.timed());
  never.check();
  CHECK_THROWS(now.check(), TimedOut);
  exhaust(soon);
  Untimed rest(soon);
  CHECK(!rest.timed());
  rest.check();
  CHECK_THROWS(soon.check(), TimedOut);
}

static void test_shares() {
  Cancel whole(goes_on, 1000), never(goes_on);
  Share none(whole, 0), some(whole, 0.5), of_all(never, 0.5);
  CHECK(none.timed() && some.timed() && !of_all.timed());
  CHECK_THROWS(none.check(), TimedOut);
  some.check();
  whole.check();
  whole.request();
  Untimed rest(some);
  CHECK_THROWS(some.check(), Cancelled);
  CHECK_THROWS(rest.check(), Cancelled);
}

static void test_a_share_polls_as_the_whole_does() {
  int polls = 0;
  Cancel whole([&] { return ++polls < 2; });
  Share some(whole, 0.5);
  Untimed rest(some);
  const auto check_on = [&] {
    for (;;) {
      rest.check();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  CHECK_THROWS(check_on(), Cancelled);
  CHECK(polls == 2);
  CHECK(whole.requested());
}

static void test_a_search_without_end() {
  const Rig rig;
  Cancel forever;
  MultistartOptions few = rig.options;
  few.starts = 64;
  const MultistartSummary known = multistart(*rig.problem, rig.solver, few, forever);
  CHECK(!known.timed_out);
  for (int threads : {1, 4}) {
    MultistartOptions options = rig.options;
    options.threads = threads;
    Cancel cancel(goes_on, 1.0);
    const MultistartSummary late = multistart(*rig.problem, rig.solver, options, cancel);
    CHECK(late.timed_out && late.theta.size() == 3);
    CHECK_NEAR(late.best.objective, known.best.objective, 1e-9 * known.best.objective);
    CHECK_NEAR(late.best.objective, rig.objective(late.theta), 1e-9 * known.best.objective);
    CHECK(late.run + late.merged + late.failed < late.asked && late.agreed >= 1);
  }
}

static void test_no_time_at_all() {
  const Rig rig;
  Cancel cancel(goes_on, 0);
  const MultistartSummary found = multistart(*rig.problem, rig.solver, rig.options, cancel);
  CHECK(found.timed_out && found.theta.empty() && found.run == 0 && found.failed == 0);

  const std::size_t n = 40;
  Point theta(3 * n), objective(n);
  std::vector<std::int8_t> status(n);
  const Replicates out{theta.data(), n, objective.data(), status.data()};
  resample(*rig.problem, rig.solver, {200, 0.3, 2}, {n, 0, 2, {}}, out, cancel);
  for (std::size_t k = 0; k < n; ++k) {
    CHECK(status[k] == static_cast<std::int8_t>(Status::timeout));
    CHECK(std::isnan(objective[k]) && std::isnan(theta[2 * n + k]));
  }
}

// Whoever catches TimedOut would go on as if nothing else had happened.
static void test_time_is_up_gives_way() {
  for (const bool time_is_first : {true, false}) {
    Cancel cancel;
    std::atomic<int> begun{0};
    std::atomic<bool> first_is_over{false};
    const auto both_begin = [&] {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      for (++begun; begun < 2 && std::chrono::steady_clock::now() < end;)
        std::this_thread::yield();
    };
    const auto body = [&](std::size_t item, int) {
      both_begin();
      if ((item == 0) == time_is_first) {
        first_is_over = true;
        if (item == 0)
          throw TimedOut();
        throw Cancelled();
      }
      while (!first_is_over && begun == 2)
        std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (item == 0)
        throw TimedOut();
      throw Cancelled();
    };
    if (has_openmp())
      CHECK_THROWS(parallel_for(2, 2, body, cancel), Cancelled);
  }
}

// Whatever the thread that asks is set to, and whatever those of the pool are.
static void test_usual_arithmetic() {
  volatile double third = 3;
  const auto nearest = [&] { return std::fegetround() == FE_TONEAREST && 1 / third <= 1.0 / 3; };
  std::fesetround(FE_UPWARD);
  {
    const UsualArithmetic usual;
    CHECK(nearest());
    const UsualArithmetic again;
    CHECK(nearest());
  }
  CHECK(std::fegetround() == FE_UPWARD);
  Cancel cancel;
  std::atomic<int> usual_items{0};
  parallel_for(
      64, 4,
      [&](std::size_t, int) {
        usual_items += nearest();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      },
      cancel);
  CHECK(std::fegetround() == FE_UPWARD);
  std::fesetround(FE_TONEAREST);
  CHECK(usual_items.load() == 64);
}

int main() {
  test_limits();
  test_shares();
  test_a_share_polls_as_the_whole_does();
  test_a_search_without_end();
  test_no_time_at_all();
  test_time_is_up_gives_way();
  test_usual_arithmetic();
  return check::finish();
}
