// Searches where rows are few and most of them outliers, so that a loss is all but absolute.
#include "check.hpp"
#include "lawfit/linalg.hpp"
#include "lawfit/multistart.hpp"
#include "toy_laws.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

constexpr int most_evaluations = 120;

struct Rig {
  std::unique_ptr<Problem> problem;
  Point start; // in centred coordinates
};

// The law's values at few rows, off by a share `sd`.
Rig rig(const Program &program, const Point &theta, const Point &start, std::size_t rows, double sd,
        const ProblemOptions &options, std::uint64_t seed) {
  const Data data = toys::columns(rows, seed);
  const auto free = toys::all(theta.size());
  Cancel cancel;
  Rig out{std::make_unique<Problem>(program, data, toys::noisy(program, data, theta, sd, seed),
                                    Point(), options, theta, free, free, cancel),
          start};
  out.problem->to_centred(out.start);
  return out;
}

// Linear, so that there is one minimum.
Rig plane(std::size_t rows, const ProblemOptions &options, std::uint64_t seed) {
  Formula f;
  auto a = f.parameter(), b = f.parameter(), c = f.parameter();
  a + b *f.column(2) + c *f.column(3);
  return rig(f.program(), {3, 1, 0.5}, {0, 0, 0}, rows, 0.1, options, seed);
}

Rig chinchilla(std::size_t rows, double delta, std::uint64_t seed) {
  Formula f;
  auto e = f.parameter(), a = f.parameter(), alpha = f.parameter(), b = f.parameter(),
       beta = f.parameter();
  e + a / pow(f.column(0), alpha) + b / pow(f.column(1), beta);
  return rig(f.program(), {1.7, 406, 0.34, 410, 0.28}, {1.5, 300, 0.3, 500, 0.3}, rows, 0.05,
             {Loss::huber, delta, Space::log}, seed);
}

struct Found {
  SolverSummary summary;
  Point theta;
};

// Where the search ends, with the Hessian it is left with.
Found search(const Rig &rig) {
  const std::size_t p = rig.start.size();
  toys::ProblemObjective objective(*rig.problem, Coordinates::centred);
  SolverOptions options = toys::unbounded(rig.problem->parameters());
  options.linear = rig.problem->linear();
  LevenbergMarquardt solver(options);
  Found found{{}, rig.start};
  found.summary = solver.solve(objective, found.theta.data());
  Evaluation at;
  CHECK(objective.evaluate(found.theta.data(), 2, at) && at.objective == found.summary.objective);
  if (const double *hessian = solver.hessian())
    CHECK(std::memcmp(hessian, at.hessian, p * p * sizeof(double)) == 0);
  CHECK(!is_success(found.summary.status) || solver.hessian());
  return found;
}

// Reweighted least squares, again and again, until the objective is as low as `goal`; how often, or
// `most`.
int alternate(const Rig &rig, double goal, int most) {
  toys::ProblemObjective objective(*rig.problem, Coordinates::centred);
  const int p = objective.parameters();
  Point theta = rig.start;
  for (int k = 1; k <= most; ++k) {
    Evaluation at;
    if (!objective.evaluate(theta.data(), 1, at) || at.objective <= goal ||
        !linalg::cholesky(at.gauss_newton, p, p))
      return k;
    linalg::cholesky_solve(at.gauss_newton, p, p, at.gradient);
    for (std::size_t i = 0; i < theta.size(); ++i)
      theta[i] -= at.gradient[i];
  }
  return most;
}

} // namespace

static void test_planes() {
  int searches = 0, spent = 0;
  for (Loss loss : {Loss::huber, Loss::soft_l1})
    for (double delta : {1e-2, 1e-3})
      for (std::size_t rows : {9UL, 12UL, 20UL, 60UL})
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
          const Rig given = plane(rows, {loss, delta, Space::linear}, seed);
          const auto [summary, theta] = search(given);
          CHECK(is_success(summary.status) && summary.evaluations < most_evaluations);
          // What is convex is lowest where it is flat.
          toys::ProblemObjective objective(*given.problem, Coordinates::centred);
          Evaluation at;
          CHECK(objective.evaluate(theta.data(), 1, at));
          for (std::size_t i = 0; i < 3; ++i)
            CHECK(std::abs(at.gradient[i]) < 1e-8 * delta * static_cast<double>(rows));
          ++searches;
          spent += summary.evaluations;
        }
  CHECK(searches == 80 && spent < 30 * searches);
}

// Where reweighting alone creeps.
static void test_slow_alternation() {
  struct Case {
    Loss loss;
    double delta;
    std::size_t rows;
    std::uint64_t seed;
  };
  for (const Case &c : {Case{Loss::huber, 1e-2, 6, 23}, Case{Loss::huber, 1e-2, 9, 17},
                        Case{Loss::huber, 1e-3, 6, 4}, Case{Loss::soft_l1, 1e-3, 6, 4},
                        Case{Loss::soft_l1, 1e-3, 9, 17}, Case{Loss::soft_l1, 1e-3, 20, 36}}) {
    const Rig given = plane(c.rows, {c.loss, c.delta, Space::linear}, c.seed);
    const SolverSummary summary = search(given).summary;
    CHECK(is_success(summary.status) && summary.evaluations < most_evaluations);
    CHECK(alternate(given, (1 + 1e-9) * summary.objective, 400) == 400);
  }
}

// Of a law that is not linear, rows this few may have another minimum: none is lower by more.
static void test_laws() {
  int lowest = 0, searches = 0;
  for (double delta : {1e-3, 1e-4})
    for (std::size_t rows : {10UL, 20UL, 60UL})
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const Rig given = chinchilla(rows, delta, seed);
        const SolverSummary summary = search(given).summary;
        CHECK(is_success(summary.status));
        CHECK(delta < 1e-3 || summary.evaluations < most_evaluations);
        MultistartOptions options;
        const StartRange linear = {StartRange::Kind::eliminated, 0, 0},
                         power = {StartRange::Kind::log, 0.05, 2};
        options.ranges = {linear, linear, power, linear, power};
        options.starts = 200;
        options.threads = 1;
        Cancel cancel;
        const double least =
            multistart(*given.problem, toys::unbounded(5), options, cancel).best.objective;
        CHECK(summary.objective > (1 - 1e-10) * least && summary.objective < 1.01 * least);
        lowest += summary.objective < (1 + 1e-10) * least;
        ++searches;
      }
  CHECK(searches == 36 && lowest >= 34);
}

// Steps by a Hessian that is all but singular would make the most of these searches long.
static void test_few_are_long() {
  int searches = 0, quick = 0;
  for (std::size_t rows : {6UL, 9UL, 20UL, 60UL})
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      ++searches;
      quick += search(plane(rows, {Loss::huber, 1e-4, Space::linear}, seed)).summary.evaluations <
               most_evaluations;
    }
  CHECK(quick >= 0.93 * searches);
}

// With a loss more absolute still, or hardly more rows than parameters, a search may be long; it
// ends at the minimum all the same.
static void test_absolute() {
  for (std::size_t rows : {6UL, 9UL, 20UL})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const Rig given = plane(rows, {Loss::huber, 1e-5, Space::linear}, seed);
      const auto [summary, theta] = search(given);
      CHECK(is_success(summary.status));
      // Rows that the plane goes through, within delta of it, are as many as parameters.
      const Data data = toys::columns(rows, seed);
      Point natural = theta;
      given.problem->to_natural(natural);
      int inside = 0;
      for (std::size_t i = 0; i < rows; ++i)
        inside += std::abs(natural[0] + natural[1] * data.columns[2][i] +
                           natural[2] * data.columns[3][i] - given.problem->target()[i]) <=
                  1e-5 * (1 + 1e-9);
      CHECK(inside == 3);
    }
}

int main() {
  test_planes();
  test_slow_alternation();
  test_laws();
  test_few_are_long();
  test_absolute();
  return check::finish();
}
