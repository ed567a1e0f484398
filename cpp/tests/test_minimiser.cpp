// One problem minimised again and again.
#include "check.hpp"
#include "lawfit/minimiser.hpp"
#include "lawfit/multistart.hpp"
#include "toy_laws.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

// A law over its own values with noise, and a start beside them.
struct Rig {
  std::string name;
  Point start;
  SolverOptions options;
  std::unique_ptr<Problem> problem;
};

// `bounded`: the parameter that is to have bounds other than 0, which none that is centred can.
constexpr std::size_t none = static_cast<std::size_t>(-1);
Rig rig(const toys::Law &law, double sd, const ProblemOptions &options, std::size_t bounded) {
  const Data data = toys::data_of(law, 200);
  const auto free = toys::all(law.theta.size());
  auto may_centre = free;
  if (bounded != none)
    may_centre[bounded] = false;
  Cancel cancel;
  Rig out{law.name, law.theta, toys::unbounded(static_cast<int>(law.theta.size())), nullptr};
  out.problem =
      std::make_unique<Problem>(law.program, data, toys::noisy(law.program, data, law.theta, sd),
                                Point(), options, law.theta, free, may_centre, cancel);
  for (double &value : out.start)
    value *= 0.98;
  return out;
}

// Laws with every kind of coordinates: centred terms, a tape, curves, logarithms.
std::vector<Rig> rigs(std::size_t bounded = none) {
  struct Kind {
    const char *name;
    double sd;
    ProblemOptions options;
  };
  const ProblemOptions robust;
  const Kind kinds[] = {
      {"chinchilla", 0.01, robust},
      {"henighan", 0.01, robust},
      {"exponential decay", 0.01, robust},
      {"shared exponents", 0.01, robust},
      {"annealing", 1e-3, robust},
      {"kaplan", 0.01, {Loss::squared, 1e-3, Space::log, {true, false, true, false}}},
      {"power of a sum", 0.01, {Loss::soft_l1, 0.1, Space::linear}}};
  std::vector<Rig> out;
  for (const toys::Law &law : toys::laws())
    for (const Kind &kind : kinds)
      if (law.name == kind.name && (bounded == none || bounded < law.theta.size()))
        out.push_back(rig(law, kind.sd, kind.options, bounded));
  return out;
}

struct Found {
  Point theta;
  SolverSummary summary;
};

Found solve(Minimiser &minimiser, const Point &start) {
  Found found{start, {}};
  Cancel cancel;
  found.summary = minimiser.solve(found.theta.data(), cancel);
  return found;
}

bool same_bits(const Point &a, const Point &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

bool same(const Found &a, const Found &b) {
  return same_bits(a.theta, b.theta) && same_bits({a.summary.objective}, {b.summary.objective}) &&
         a.summary.status == b.summary.status && a.summary.iterations == b.summary.iterations &&
         a.summary.evaluations == b.summary.evaluations;
}

} // namespace

// Whatever came before, a start leads to the same bits.
static void test_no_memory() {
  for (const Rig &rig : rigs()) {
    Minimiser minimiser(*rig.problem, rig.options), other(*rig.problem, rig.options);
    const Found first = solve(minimiser, rig.start);
    CHECK(is_success(first.summary.status) && first.summary.iterations > 1);
    CHECK(!same_bits(first.theta, rig.start));
    CHECK(same(solve(minimiser, rig.start), first) && same(solve(other, rig.start), first));
    Point far = rig.start;
    for (double &value : far)
      value *= 1.04;
    solve(minimiser, far);
    CHECK(same(solve(minimiser, rig.start), first));
    solve(minimiser, Point(far.size(), NAN));
    CHECK(same(solve(minimiser, rig.start), first));
    Cancel requested;
    requested.request();
    Point theta = rig.start;
    CHECK_THROWS(minimiser.solve(theta.data(), requested), Cancelled);
    CHECK(same(solve(minimiser, rig.start), first));
  }
}

static void test_many_starts_of_one() {
  for (const Rig &rig : rigs()) {
    Minimiser minimiser(*rig.problem, rig.options);
    const Found one = solve(minimiser, rig.start);
    MultistartOptions options;
    options.ranges.resize(rig.start.size());
    options.given = {rig.start};
    options.threads = 1;
    Cancel cancel;
    const MultistartSummary many = multistart(*rig.problem, rig.options, options, cancel);
    CHECK(same({many.theta, many.best}, one));
    CHECK(many.iterations == one.summary.iterations && many.run == 1);
  }
}

// What is said of the minimum holds where it is said to be.
static void test_minimum() {
  for (const Rig &rig : rigs()) {
    Minimiser minimiser(*rig.problem, rig.options);
    const Found found = solve(minimiser, rig.start);
    toys::ProblemObjective objective(*rig.problem);
    Evaluation at, start;
    CHECK(objective.evaluate(found.theta.data(), 1, at));
    CHECK(objective.evaluate(rig.start.data(), 0, start) && at.objective < start.objective);
    CHECK_NEAR(found.summary.objective, at.objective, 1e-12);
    const std::size_t p = rig.start.size();
    for (std::size_t k = 0; k < p; ++k)
      CHECK(std::abs(at.gradient[k]) <=
            1e-8 * std::sqrt(at.gauss_newton[k * p + k] * at.objective));
  }
}

static void test_bad_start() {
  for (const Rig &rig : rigs())
    for (std::size_t k = 0; k < rig.start.size(); ++k) {
      Minimiser minimiser(*rig.problem, rig.options);
      Point bad = rig.start;
      bad[k] = NAN;
      const Found found = solve(minimiser, bad);
      CHECK(found.summary.status == Status::bad_start && found.summary.iterations == 0);
      CHECK(same_bits(found.theta, bad));
    }
}

// A bound that the minimum is beyond is where the search ends, to the bit.
static void test_bounds() {
  for (std::size_t k = 0; k < 5; ++k)
    for (const Rig &rig : rigs(k)) {
      Minimiser unbounded(*rig.problem, rig.options);
      const Found best = solve(unbounded, rig.start);
      for (bool above : {false, true}) {
        SolverOptions options = rig.options;
        Point start = best.theta;
        const double step = (above ? 0.003 : -0.003) * std::abs(best.theta[k]);
        const double bound = best.theta[k] + step;
        (above ? options.lower : options.upper)[k] = bound;
        start[k] += 3 * step;
        Minimiser minimiser(*rig.problem, options);
        const Found found = solve(minimiser, start);
        CHECK(is_success(found.summary.status) && found.theta[k] == bound);
        toys::ProblemObjective objective(*rig.problem);
        Evaluation at;
        CHECK(objective.evaluate(found.theta.data(), 0, at));
        CHECK_NEAR(found.summary.objective, at.objective, 1e-12);
        CHECK(found.summary.objective > (1 + 1e-10) * best.summary.objective);
      }
    }
}

// A centred amplitude of no size ends on its bound 0, where the law would have it below.
static void test_bound_of_zero() {
  const Data data = toys::columns(100);
  Formula f;
  auto e = f.parameter(), a = f.parameter(), alpha = f.parameter();
  e + a *pow(f.column(2), alpha);
  Cancel cancel;
  const Point truth = {3, -0.5, 0.4};
  const Point y = toys::noisy(f.program(), data, truth, 1e-3);
  const Problem problem(f.program(), data, y, {}, {}, truth, toys::all(3), {true, true, false},
                        cancel);
  SolverOptions options = toys::unbounded(3);
  options.lower = {0, 0, 0.2};
  Minimiser minimiser(problem, options);
  const Found found = solve(minimiser, {2, 0.5, 0.5});
  CHECK(is_success(found.summary.status));
  CHECK(found.theta[1] == 0 && found.theta[0] > 2 && found.theta[2] >= 0.2);
}

// The minimum is at a = 3e7^60, which no double holds: no answer, and the start is left alone.
static void test_beyond_doubles() {
  Formula f;
  const auto a = f.parameter(), b = f.parameter();
  a *pow(f.column(0), -b);
  const Data data = toys::columns(50);
  Point y;
  for (double n : data.columns[0])
    y.push_back(std::pow(n / 3e7, -60));
  Cancel cancel;
  const Point start = {std::pow(3e7, 35), 35};
  const Problem problem(f.program(), data, y, {}, {Loss::squared, 1, Space::log}, start,
                        toys::all(2), toys::all(2), cancel);
  Minimiser minimiser(problem, toys::unbounded(2));
  Point theta = start;
  CHECK(minimiser.solve(theta.data(), cancel).status == Status::bad_start);
  CHECK(theta == start);
}

// The rows' gradient and the prior's cancel at the minimum of both.
static void test_prior() {
  for (const Rig &rig : rigs()) {
    const std::size_t p = rig.start.size();
    Minimiser without(*rig.problem, rig.options);
    const Found rows = solve(without, rig.start);
    toys::ProblemObjective objective(*rig.problem);
    Evaluation at;
    CHECK(objective.evaluate(rows.theta.data(), 1, at));
    Prior prior{rows.theta, Point(p * p)};
    for (std::size_t i = 0; i < p; ++i) {
      prior.mean[i] *= 1.01;
      for (std::size_t j = 0; j <= i; ++j) {
        const double scale = std::sqrt(at.gauss_newton[i * p + i] * at.gauss_newton[j * p + j]);
        prior.precision[i * p + j] = prior.precision[j * p + i] = (i == j ? 0.5 : 0.1) * scale;
      }
    }
    Minimiser with(*rig.problem, rig.options, prior);
    const Found found = solve(with, rig.start);
    CHECK(is_success(found.summary.status) && !same_bits(found.theta, rows.theta));
    CHECK(objective.evaluate(found.theta.data(), 1, at));
    const double of_rows = at.objective;
    prior.add(found.theta.data(), 1, at);
    CHECK(at.objective > of_rows);
    CHECK_NEAR(found.summary.objective, at.objective, 1e-12);
    for (std::size_t k = 0; k < p; ++k)
      CHECK(std::abs(at.gradient[k]) <=
            1e-7 * std::sqrt(at.gauss_newton[k * p + k] * at.objective));
    CHECK(same(solve(with, rig.start), found));
    for (double &value : prior.precision)
      value *= 1e16;
    Minimiser sure(*rig.problem, rig.options, prior);
    const Found held = solve(sure, prior.mean);
    for (std::size_t k = 0; k < p; ++k)
      CHECK_NEAR(held.theta[k], prior.mean[k], 1e-9);
    prior.mean.pop_back();
    CHECK_THROWS(Minimiser(*rig.problem, rig.options, prior), std::invalid_argument);
  }
}

int main() {
  test_prior();
  test_beyond_doubles();
  test_no_memory();
  test_many_starts_of_one();
  test_minimum();
  test_bad_start();
  test_bounds();
  test_bound_of_zero();
  return check::finish();
}
