#include "check.hpp"
#include "lawfit/refit.hpp"
#include "run_toys.hpp"

#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace lawfit;
using toys::Point;
using toys::Run;

namespace {

const Residual huber{true, 1e-3};

void test_cursor() {
  for (Warmup mode : {Warmup::actual, Warmup::peak, Warmup::skip}) {
    std::vector<Schedule> schedules;
    schedules.push_back(toys::warmed(90, {toys::stretch(Shape::constant, 700, 3e-4, 3e-4),
                                          toys::stretch(Shape::cosine, 900, 3e-4, 1e-5),
                                          toys::stretch(Shape::linear, 500, 2e-4, 0)}));
    schedules.push_back(Schedule::dense(toys::noise(2000, 4), 90));
    for (const Schedule &schedule : schedules) {
      toys::Steps at = {0, 1, 5, 88, 89, 90, 91};
      for (std::int64_t step = 100; step < schedule.steps(); step += 1 + (step * step) % 131)
        at.push_back(step);
      at.push_back(schedule.steps() - 1);
      std::vector<double> s1(at.size()), s2(at.size());
      Cancel cancel;
      schedule.areas(0.99, mode, at.data(), at.size(), s1.data(), s2.data(), nullptr, nullptr,
                     cancel);
      AreaCursor cursor(std::make_shared<const Schedule>(schedule), 0.99, mode);
      for (std::size_t i = 0; i < at.size(); ++i) {
        const StepAreas areas = cursor.read(at[i]);
        CHECK_NEAR(areas.s1, s1[i], 1e-15);
        CHECK_CLOSE(areas.s2, s2[i], 1e-13, 3e-4);
      }
    }
  }
}

// How far the objective is above a full solve's from there, and what it is, relatively.
double gap_of(const Run &run, const StreamingRefitter &refitter, const Residual &residual,
              double *reported = nullptr) {
  const Problem problem = run.problem(refitter.size(), residual);
  toys::ProblemObjective objective(problem);
  auto here = std::make_unique<Evaluation>();
  CHECK(objective.evaluate(refitter.theta().data(), 0, *here));
  SolverOptions options;
  options.lower.assign(4, 0.0);
  options.upper = {toys::infinity, toys::infinity, 3, toys::infinity};
  LevenbergMarquardt solver(options);
  Point theta = refitter.theta();
  const SolverSummary full = solver.solve(objective, theta.data());
  if (reported)
    *reported = refitter.objective() / here->objective - 1;
  return (here->objective - full.objective) / full.objective;
}

// What rounding alone moves the objective by: residuals are good to some 4e-16.
double noise_of(double sd, const Residual &residual) {
  return 4e-16 / std::fmin(sd, residual.delta);
}

void test_exact(const Residual &residual, double sd, bool rough) {
  const std::size_t n = 2600;
  const Run run(n, sd, rough);
  StreamingRefitter refitter = run.refitter(RefitMode::exact, residual);
  for (std::size_t i = 0; i < n; ++i) {
    refitter.update(run.at[i], run.y[i]);
    if (i == 20)
      refitter.start(run.theta.data());
    if (i < 20 || i % 97 != 0)
      continue;
    double reported = 0;
    CHECK(gap_of(run, refitter, residual, &reported) <= 1e-12 + noise_of(sd, residual));
    CHECK(std::abs(reported) <= 1e-9);
    CHECK(is_success(refitter.status()));
  }
  CHECK(refitter.anchors() > 50);
  CHECK(refitter.evaluated_rows() < n);
}

void test_anchored(const Residual &residual, double sd, bool rough) {
  const std::size_t n = 3000;
  const Run run(n, sd, rough);
  StreamingRefitter refitter = run.refitter(RefitMode::anchored, residual);
  int close = 0, checks = 0;
  for (std::size_t i = 0; i < n; ++i) {
    refitter.update(run.at[i], run.y[i]);
    if (i == 20)
      refitter.start(run.theta.data());
    if (i < 20 || i % 53 != 0)
      continue;
    const double gap = gap_of(run, refitter, residual);
    // Newton's steps end at a predicted decrease of 1e-7.
    CHECK(gap <= refitter.gap() / refitter.objective() + 1.1e-7 + noise_of(sd, residual));
    ++checks;
    close += gap < 1e-5;
  }
  CHECK(close > 0.9 * checks);
  CHECK(refitter.evaluated_rows() < 200);
}

// A law that would anneal the wrong way has C at its bound.
void test_bounds() {
  const Run run(1500, 1e-3, false, {2.6, 0.45, 0.5, -0.2});
  StreamingRefitter refitter = run.refitter(RefitMode::exact, huber);
  for (std::size_t i = 0; i < run.at.size(); ++i) {
    refitter.update(run.at[i], run.y[i]);
    if (i == 20)
      refitter.start(Point{2.6, 0.45, 0.5, 0.1}.data());
  }
  CHECK(refitter.theta()[3] == 0);
  CHECK(gap_of(run, refitter, huber) <= 1e-12 + noise_of(1e-3, huber));
}

// A long step to a bound ends there, though the sum of the two may round beyond it.
void test_steps_to_bounds() {
  PowerSum mean;
  mean.terms = {{0, -1, 1, 0, 0, false}};
  mean.parameters = 1;
  const auto steady = std::make_shared<const Schedule>(
      Schedule::from_pieces({toys::stretch(Shape::constant, 20, 1, 1)}, 0));
  for (int tenths = 1; tenths < 100; ++tenths) {
    const double bound = 0.1 * tenths;
    RefitOptions options;
    options.residual = {false, toys::infinity};
    options.solver = toys::unbounded(1);
    options.solver.lower[0] = bound;
    StreamingRefitter refitter(mean, steady, options);
    for (int k = 0; k < 10; ++k)
      refitter.update(k, 3.1 * bound);
    refitter.start(&bound);
    CHECK_NEAR(refitter.theta()[0], 3.1 * bound, 1e-14);
    refitter.update(10, -1000);
    CHECK(refitter.theta()[0] >= bound);
    CHECK_NEAR(refitter.theta()[0], bound, 1e-15);
  }
}

// The loss leaps where nothing could have told: all that was summed is far from the new minimum.
void test_leap() {
  Run run(2000, 1e-3);
  for (std::size_t i = 1200; i < run.y.size(); ++i)
    run.y[i] *= 1.02;
  StreamingRefitter refitter = run.refitter(RefitMode::exact, huber);
  for (std::size_t i = 0; i < run.at.size(); ++i) {
    refitter.update(run.at[i], run.y[i]);
    if (i == 20)
      refitter.start(run.theta.data());
    if (i > 1195 && i % 61 == 0)
      CHECK(gap_of(run, refitter, huber) <= 1e-12 + noise_of(1e-3, huber));
  }
}

// C says nothing until S2 does, and is then so large that the law has no logarithm.
void test_lost(RefitMode mode) {
  const std::size_t n = 1500;
  const Run run(n, 1e-3);
  StreamingRefitter refitter = run.refitter(mode, huber);
  std::size_t lost = 0;
  for (std::size_t i = 0; i < n; ++i) {
    refitter.update(run.at[i], run.y[i]);
    if (i == 20)
      refitter.start(Point{2.6, 0.45, 0.5, 1e9}.data());
    if (i > 20 && refitter.status() == Status::bad_start && lost++ == 0) {
      CHECK(i > 600 && refitter.wants_start() && std::isnan(refitter.objective()));
      refitter.decline_start();
    }
    CHECK(lost == 0 || lost > 5 || !refitter.wants_start());
    if (lost == 5 && refitter.status() == Status::bad_start)
      refitter.start(run.theta.data());
  }
  CHECK(lost == 5);
  const double enough = mode == RefitMode::exact ? 1e-12 : 1e-4;
  CHECK(gap_of(run, refitter, huber) <= enough + noise_of(1e-3, huber));
}

// Points of A·S1^-150 about S1 = 1000: A is 1e450, which no double holds, so there is no answer.
void test_beyond_doubles() {
  PowerSum law;
  law.terms = {{0, 1, 1, 0, -1, false}};
  law.parameters = 2;
  RefitOptions options;
  options.residual = huber;
  options.solver = toys::unbounded(2);
  const auto steady = std::make_shared<const Schedule>(
      Schedule::from_pieces({toys::stretch(Shape::constant, 1200, 1, 1)}, 0));
  StreamingRefitter refitter(law, steady, options);
  for (int k = 0; k < 40; ++k)
    refitter.update(980 + k, std::pow((981.0 + k) / 1000, -150));
  refitter.start(Point{std::pow(1000.0, 80), 80}.data());
  CHECK(!refitter.started() && refitter.status() == Status::bad_start);
  CHECK(std::isnan(refitter.theta()[0]) && std::isnan(refitter.objective()));
  // Where the exponent's bound keeps it within a double's range there is one.
  options.solver.upper[1] = 102;
  StreamingRefitter bounded(law, steady, options);
  for (int k = 0; k < 40; ++k)
    bounded.update(980 + k, std::pow((981.0 + k) / 1000, -150));
  bounded.start(Point{std::pow(1000.0, 80), 80}.data());
  CHECK(bounded.started() && bounded.theta()[1] == 102 && std::isfinite(bounded.theta()[0]));
}

void test_starts() {
  const Run run(40, 1e-3);
  StreamingRefitter refitter = run.refitter(RefitMode::exact, huber);
  CHECK_THROWS(refitter.start(run.theta.data()), std::invalid_argument);
  for (std::size_t i = 0; i < 3; ++i)
    refitter.update(run.at[i], run.y[i]);
  CHECK(!refitter.wants_start() && !refitter.started() && std::isnan(refitter.theta()[0]));
  CHECK(std::isnan(refitter.objective()));
  refitter.update(run.at[3], run.y[3]);
  CHECK(refitter.wants_start());
  refitter.start(run.theta.data());
  CHECK(refitter.started() && !refitter.wants_start());
  for (std::size_t i = 4; i < 8; ++i)
    refitter.update(run.at[i], run.y[i]);
  CHECK(refitter.wants_start());
  refitter.decline_start();
  CHECK(!refitter.wants_start());
}

void test_points() {
  const Run run(100, 1e-3);
  RefitOptions options;
  options.first_step = 70;
  options.solver = toys::unbounded(4);
  StreamingRefitter refitter(run.law(), run.schedule, options);
  refitter.update(60, 3.0);
  CHECK(refitter.size() == 0 && refitter.last_step() == 60);
  refitter.update(70, 3.0);
  refitter.update(71, NAN);
  refitter.update(72, toys::infinity);
  CHECK(refitter.size() == 1 && refitter.skipped() == 2);
  CHECK_THROWS(refitter.update(72, 3.0), std::invalid_argument);
  CHECK_THROWS(refitter.update(80, 0.0), std::invalid_argument);
  CHECK_THROWS(refitter.update(run.schedule->steps(), 3.0), std::invalid_argument);
  refitter.update(80, 2.9); // a refused point left nothing behind
  CHECK(refitter.steps() == (std::vector<std::int64_t>{70, 80}));
  CHECK(refitter.losses() == (std::vector<double>{3.0, 2.9}));
}

} // namespace

int main() {
  test_cursor();
  test_points();
  test_starts();
  test_bounds();
  test_steps_to_bounds();
  test_leap();
  test_beyond_doubles();
  test_lost(RefitMode::exact);
  test_lost(RefitMode::anchored);
  for (double sd : {1e-4, 1e-3, 1e-2})
    for (bool rough : {false, true}) {
      test_exact(huber, sd, rough);
      test_anchored(huber, sd, rough);
    }
  test_exact({false, 1e-3}, 1e-3, true);
  test_exact({false, toys::infinity}, 1e-3, false);
  test_exact({true, toys::infinity}, 1e-3, true);
  return check::finish();
}
