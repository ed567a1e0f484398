#include "check.hpp"
#include "lawfit/multistart.hpp"
#include "lawfit/start_design.hpp"
#include "toys.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

using namespace lawfit;
using Kind = StartRange::Kind;
using toys::Formula;
using toys::Point;

namespace {

// A problem with what its starts need.
struct Rig {
  std::unique_ptr<Problem> problem;
  SolverOptions solver;
  MultistartOptions options;
};

// Chinchilla's law, with linear parameters eliminated.
Rig chinchilla(std::size_t rows = 1000) {
  Formula f;
  auto e = f.parameter(), a = f.parameter(), alpha = f.parameter(), b = f.parameter(),
       beta = f.parameter();
  e + a / pow(f.column(0), alpha) + b / pow(f.column(1), beta);
  const Point theta = {1.7, 406, 0.34, 410, 0.28};
  const Data data = toys::columns(rows);
  Cancel cancel;
  Rig rig;
  rig.problem = std::make_unique<Problem>(
      f.program(), data, toys::noisy(f.program(), data, theta, 0.01), Point(), ProblemOptions(),
      theta, toys::all(5), toys::all(5), cancel);
  rig.solver.lower = {0, 0, 0, 0, 0};
  rig.solver.upper = Point(5, toys::infinity);
  const StartRange linear = {Kind::eliminated, 0, 0}, power = {Kind::log, 0.05, 2};
  rig.options.ranges = {linear, linear, power, linear, power};
  return rig;
}

// sin(w·x) in noise: a minimum at every few w.
Rig waves(std::size_t rows = 1000) {
  Formula f;
  auto w = f.parameter(), a = f.parameter();
  a *toys::apply(Op::sin, w * f.column(3)) + 3.0 * f.column(2);
  const Point theta = {17, 1};
  const Data data = toys::columns(rows);
  Cancel cancel;
  Rig rig;
  rig.problem = std::make_unique<Problem>(
      f.program(), data, toys::noisy(f.program(), data, theta, 0.05), Point(),
      ProblemOptions{Loss::soft_l1, 0.5, Space::linear}, theta, toys::all(2), toys::all(2), cancel);
  rig.solver = toys::unbounded(2);
  rig.options.ranges = {{Kind::uniform, 0, 60}, {Kind::uniform, 0.5, 1.5}};
  return rig;
}

MultistartSummary run(const Rig &rig, std::int64_t starts, int threads = 1,
                      std::uint64_t seed = 0) {
  MultistartOptions options = rig.options;
  options.starts = starts;
  options.threads = threads;
  options.seed = seed;
  Cancel cancel;
  return multistart(*rig.problem, rig.solver, options, cancel);
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void check_counts(const MultistartSummary &summary, std::int64_t asked) {
  CHECK(summary.asked == asked);
  CHECK(summary.run + summary.merged + summary.failed == asked);
  CHECK(summary.agreed >= 1 && summary.agreed <= asked - summary.failed);
  CHECK(summary.best_start >= 0 && summary.best_start < asked);
  CHECK(summary.evaluations >= summary.iterations && summary.iterations > 0);
}

// Starts on the rows of make(3) first, of which make(1) has three times as many.
template <class Make>
MultistartSummary on_coarse_rows(Make &&make, std::int64_t starts, int threads = 1) {
  const Rig fine = make(std::size_t{1}), coarse = make(std::size_t{3});
  MultistartOptions options = fine.options;
  options.starts = starts;
  options.threads = threads;
  options.coarse = coarse.problem.get();
  Cancel cancel;
  return multistart(*fine.problem, fine.solver, options, cancel);
}

// a·(x − x0)^-b with x = 1, 1 + 1/n, …, on every k-th row from `first` on.
Rig origin(std::size_t first, std::size_t every, double upper) {
  Formula f;
  auto a = f.parameter(), x0 = f.parameter(), b = f.parameter();
  a *pow(f.column(0) - x0, -b);
  const Point theta = {2, 0.99, 0.4};
  Data data;
  data.columns.resize(1);
  for (std::size_t i = first; i < 300; i += every)
    data.columns[0].push_back(1 + 0.01 * static_cast<double>(i));
  data.rows = data.columns[0].size();
  Cancel cancel;
  Point y = evaluate(f.program(), data, theta, cancel);
  if (every > 1) // as if the rows were much steeper than the first of all shows
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = 2 * std::pow(data.columns[0][i] - 1.005, -0.4);
  Rig rig;
  rig.problem = std::make_unique<Problem>(f.program(), data, y, Point(), ProblemOptions(), theta,
                                          toys::all(3), toys::all(3), cancel);
  rig.solver = toys::unbounded(3);
  rig.solver.upper[1] = upper;
  rig.options.ranges = {{Kind::eliminated, 0, 0}, {Kind::uniform, 0.5, 0.99}, {Kind::log, 0.1, 1}};
  return rig;
}

} // namespace

static void test_threads_do_not_show() {
  for (const Rig &rig : {chinchilla(), waves()}) {
    const MultistartSummary one = run(rig, 40);
    check_counts(one, 40);
    for (int threads : {2, 4, 8})
      for (int again = 0; again < 3; ++again) {
        const MultistartSummary got = run(rig, 40, threads);
        CHECK(got.theta.size() == one.theta.size());
        CHECK(std::memcmp(got.theta.data(), one.theta.data(), one.theta.size() * sizeof(double)) ==
              0);
        CHECK(same_bits(got.best.objective, one.best.objective));
        CHECK(got.best_start == one.best_start && got.run == one.run && got.merged == one.merged);
        CHECK(got.agreed == one.agreed && got.iterations == one.iterations &&
              got.evaluations == one.evaluations);
      }
  }
}

// More starts, merged or not, lead to the same best minimum; so do other starts.
static void test_merging_finds_the_same() {
  const Rig rig = chinchilla();
  const MultistartSummary few = run(rig, 8), many = run(rig, 64), other = run(rig, 64, 1, 99);
  CHECK(few.merged == 0 && few.run + few.failed == 8);
  CHECK(many.merged > 30);
  for (const MultistartSummary *each : {&few, &many, &other}) {
    CHECK(each->best.status == Status::converged);
    CHECK_NEAR(each->best.objective, few.best.objective, 1e-13);
    for (std::size_t k = 0; k < 5; ++k)
      CHECK_NEAR(each->theta[k], few.theta[k], 1e-8);
  }
  // What was merged cost less than what ran.
  CHECK(many.evaluations < 8 * few.evaluations);
  CHECK(few.agreed == 8 && many.agreed == 64);
}

// Starts on some of the rows lead to the minimum that starts on all of them lead to, and are
// counted as if they had been.
static void test_coarse_rows() {
  const auto part = [](std::size_t every) { return every == 1 ? waves(999) : waves(333); };
  const MultistartSummary all = run(part(1), 64), one = on_coarse_rows(part, 64);
  check_counts(one, 64);
  CHECK_NEAR(one.best.objective, all.best.objective, 1e-12);
  CHECK_NEAR(std::abs(one.theta[0]), std::abs(all.theta[0]), 1e-9); // either sign is as good
  const MultistartSummary two = on_coarse_rows(part, 64, 2);
  CHECK(two.theta == one.theta && two.agreed == one.agreed && two.best_start == one.best_start);
  CHECK(two.evaluations == one.evaluations && two.iterations == one.iterations);
  // The best start leads there by way of some of the rows.
  Point start(2);
  draw_start(part(1).options, one.best_start, start.data());
  for (const Rig &rig : {part(3), part(1)}) {
    toys::ProblemObjective objective(*rig.problem, Coordinates::centred);
    LevenbergMarquardt(rig.solver).solve(objective, start.data());
  }
  CHECK_NEAR(start[0], one.theta[0], 1e-9);
}

// A minimum of some rows may be no point of the law at the others: then all rows decide.
static void test_coarse_rows_allow_more() {
  const auto part = [](std::size_t every) { return origin(every == 1 ? 0 : 1, every, 1.2); };
  const MultistartSummary found = on_coarse_rows(part, 16);
  check_counts(found, 16);
  CHECK(is_success(found.best.status));
  CHECK_NEAR(found.theta.empty() ? NAN : found.theta[1], 0.99, 1e-7);
}

static void test_many_minima() {
  const Rig rig = waves();
  const MultistartSummary found = run(rig, 64), first = run(rig, 1);
  check_counts(found, 64);
  CHECK_NEAR(std::abs(found.theta[0]), 17.0, 0.02);
  CHECK(found.agreed < 64 && found.best.objective <= first.best.objective);
  // The best start alone leads there too.
  Point start(2);
  draw_start(rig.options, found.best_start, start.data());
  toys::ProblemObjective objective(*rig.problem, Coordinates::centred);
  const SolverSummary alone = LevenbergMarquardt(rig.solver).solve(objective, start.data());
  CHECK(same_bits(alone.objective, found.best.objective) && start == found.theta);
}

static void test_given_starts() {
  Rig rig = chinchilla(200);
  const Point good = {1.5, 300, 0.3, 500, 0.3}, bad = {1.5, 300, NAN, 500, 0.3};
  rig.options.given = {bad, good, bad};
  const MultistartSummary some = run(rig, 1000);
  check_counts(some, 3);
  CHECK(some.failed == 2 && some.run == 1 && some.best_start == 1);
  CHECK(some.theta.size() == 5 && is_success(some.best.status));
  // They are in natural coordinates: the minimum itself is at once recognised.
  rig.options.given = {some.theta};
  const MultistartSummary again = run(rig, 1000);
  CHECK(again.iterations <= 1);
  for (std::size_t k = 0; k < 5; ++k)
    CHECK_NEAR(again.theta[k], some.theta[k], 1e-11);

  rig.options.given = {bad, bad};
  const MultistartSummary none = run(rig, 1000);
  CHECK(none.theta.empty() && none.failed == 2 && none.run == 0 && none.best_start == -1);
  CHECK(none.best.status == Status::bad_start && none.agreed == 0);
}

// What the law is linear in need not be said: where it is left out it is solved for, all of it.
static void test_given_starts_without_linear_ones() {
  Rig rig = chinchilla(200);
  const MultistartSummary drawn = run(rig, 16);
  const Point left_out = {NAN, NAN, 0.45, NAN, 0.2}, in_part = {NAN, 3000, 0.45, 7, 0.2},
              whole = {1.5, 300, 0.45, 500, 0.2};
  rig.options.given = {left_out};
  const MultistartSummary found = run(rig, 1000);
  check_counts(found, 1);
  CHECK(found.theta.size() == 5 && found.best.status == Status::converged);
  if (found.theta.empty())
    return;
  CHECK_NEAR(found.best.objective, drawn.best.objective, 1e-13);
  for (std::size_t k = 0; k < 5; ++k)
    CHECK_NEAR(found.theta[k], drawn.theta[k], 1e-8);
  // The search begins where least squares has them.
  Point start = {0, 0, 0.45, 0, 0.2};
  Problem::Workspace work(*rig.problem, Coordinates::centred);
  Cancel cancel;
  CHECK(eliminate(*rig.problem, rig.solver, rig.options.ranges, start.data(), work, cancel));
  rig.problem->to_natural(start);
  rig.options.given = {start};
  const MultistartSummary same = run(rig, 1000);
  CHECK_NEAR(same.best.objective, found.best.objective, 1e-13);
  CHECK(std::abs(same.iterations - found.iterations) <= 1);
  // The others' values are not looked at.
  rig.options.given = {in_part};
  const MultistartSummary partly = run(rig, 1000);
  CHECK(partly.theta == found.theta && partly.evaluations == found.evaluations);
  // Each start by itself, on any number of threads.
  rig.options.given = {whole};
  const MultistartSummary kept = run(rig, 1000);
  rig.options.given = {whole, left_out, {NAN, NAN, NAN, NAN, 0.2}};
  for (int threads : {1, 2}) {
    const MultistartSummary all = run(rig, 1000, threads);
    check_counts(all, 3);
    CHECK(all.failed == 1 && all.agreed == 2 && all.best_start == 0 && all.theta == kept.theta);
    CHECK(all.evaluations == kept.evaluations + found.evaluations);
  }
}

// A start cut off close to a minimum gives way to one that reached it.
static void test_cut_off() {
  Rig rig = chinchilla(200);
  const Point far = {1.5, 300, 0.3, 500, 0.3};
  rig.options.given = {far};
  const MultistartSummary whole = run(rig, 0);
  int cut_off = 0;
  for (int most = 1; most <= whole.best.iterations; ++most) {
    rig.solver.max_iterations = most;
    rig.options.given = {far};
    cut_off += run(rig, 0).best.status == Status::max_iterations;
    rig.options.given = {far, whole.theta};
    const MultistartSummary got = run(rig, 0);
    CHECK(got.best.status == Status::converged);
    for (std::size_t k = 0; k < 5; ++k)
      CHECK_NEAR(got.theta[k], whole.theta[k], 1e-11);
  }
  CHECK(cut_off > 3);
}

// The order of the starts does not decide what comes out.
static void test_order_of_starts() {
  Rig rig = waves(300);
  std::vector<Point> given;
  for (double w : {3.0, 52.0, 16.8, 30.0, 17.1, 9.0, 41.0, 24.0, 17.3, 58.0})
    given.push_back({w, 1});
  rig.options.given = given;
  const MultistartSummary forth = run(rig, 0);
  rig.options.given.assign(given.rbegin(), given.rend());
  const MultistartSummary back = run(rig, 0);
  CHECK_NEAR(forth.best.objective, back.best.objective, 1e-13);
  CHECK_NEAR(forth.theta[0], back.theta[0], 1e-10);
  CHECK(forth.agreed == back.agreed && forth.agreed >= 3);
}

static void test_cancel() {
  const Rig rig = chinchilla();
  for (int threads : {1, 2}) {
    MultistartOptions options = rig.options;
    options.starts = 1'000'000;
    options.threads = threads;
    Cancel requested;
    requested.request();
    CHECK_THROWS(multistart(*rig.problem, rig.solver, options, requested), Cancelled);
    int polls = 0;
    Cancel polled([&] { return ++polls < 3; });
    CHECK_THROWS(multistart(*rig.problem, rig.solver, options, polled), Cancelled);
    CHECK(polls == 3);
  }
}

static void test_design() {
  MultistartOptions options;
  options.ranges = {{Kind::uniform, -2, 3},
                    {Kind::log, 1e-3, 1e3},
                    {Kind::eliminated, 5, 6},
                    {Kind::mirrored, 0.1, 10}};
  const std::int64_t n = 1000;
  std::vector<Point> unit;
  int negative = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    double theta[4], again[4];
    draw_start(options, k, theta);
    draw_start(options, k, again);
    CHECK(std::memcmp(theta, again, sizeof theta) == 0);
    CHECK(theta[0] >= -2 && theta[0] <= 3 && theta[1] >= 0.99e-3 && theta[1] <= 1.01e3);
    CHECK(theta[2] == 0);
    CHECK(std::abs(theta[3]) >= 0.099 && std::abs(theta[3]) <= 10.1);
    negative += theta[3] < 0;
    unit.push_back({(theta[0] + 2) / 5, (std::log10(theta[1]) + 3) / 6});
  }
  CHECK(std::abs(negative - n / 2) < 10);
  // The share of points in any box from 0 is its area, much closer than random points' (0.03).
  double worst = 0;
  for (double x : {0.1, 0.25, 0.5, 0.7, 0.9, 1.0})
    for (double y : {0.1, 0.3, 0.5, 0.8, 1.0}) {
      double inside = 0;
      for (const Point &u : unit)
        inside += u[0] <= x && u[1] <= y;
      worst = std::fmax(worst, std::abs(inside / n - x * y));
    }
  CHECK(worst < 0.01);
  // Seeds shift the design.
  std::set<double> firsts;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    options.seed = seed;
    double theta[4];
    draw_start(options, 0, theta);
    firsts.insert(theta[0]);
  }
  CHECK(firsts.size() == 20);
}

// Given the exponents, the linear parameters are those of least squares, within their bounds.
static void test_elimination() {
  const Rig rig = chinchilla();
  Point theta = {0, 0, 0.34, 0, 0.28};
  Problem::Workspace work(*rig.problem, Coordinates::centred);
  Cancel cancel;
  CHECK(eliminate(*rig.problem, rig.solver, rig.options.ranges, theta.data(), work, cancel));
  rig.problem->to_natural(theta);
  CHECK_NEAR(theta[0], 1.7, 0.05);
  CHECK_NEAR(theta[1], 406, 0.05);
  CHECK_NEAR(theta[3], 410, 0.05);
  SolverOptions tight = rig.solver;
  tight.upper[0] = 1.0;
  theta = {0, 0, 0.34, 0, 0.28};
  CHECK(eliminate(*rig.problem, tight, rig.options.ranges, theta.data(), work, cancel));
  CHECK(theta[0] == 1.0 && theta[1] >= 0 && theta[3] >= 0);
  theta = {0, 0, NAN, 0, 0.28};
  CHECK(!eliminate(*rig.problem, rig.solver, rig.options.ranges, theta.data(), work, cancel));
}

int main() {
  test_threads_do_not_show();
  test_merging_finds_the_same();
  test_coarse_rows();
  test_coarse_rows_allow_more();
  test_many_minima();
  test_given_starts();
  test_given_starts_without_linear_ones();
  test_cut_off();
  test_order_of_starts();
  test_cancel();
  test_design();
  test_elimination();
  return check::finish();
}
