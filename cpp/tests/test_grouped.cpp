// A fit across groups is the dense fit of the same law written with columns that mark the groups.
#include "check.hpp"
#include "grouped_toys.hpp"
#include "lawfit/covariance.hpp"

#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace lawfit;
using toys::annealing;
using toys::Case;
using toys::Formula;
using toys::Parameters;
using toys::Point;
using toys::power;
using toys::program_of;
using toys::Setup;

namespace {

using Kind = StartRange::Kind;

void compare_matrices(const Setup &setup, const GroupedCovariance &got, const Covariance &want,
                      const std::vector<bool> &shared, double tolerance) {
  const std::size_t p = shared.size(), all = setup.dense_parameters();
  const auto check = [&](double value, std::size_t a, std::size_t b) {
    const double expected = want.matrix[a * all + b];
    if (std::isfinite(expected))
      CHECK_CLOSE(value, expected, tolerance,
                  std::sqrt(want.matrix[a * all + a] * want.matrix[b * all + b]));
    else
      CHECK(std::isnan(expected) ? std::isnan(value) : value == expected);
  };
  for (std::size_t g = 0; g < got.groups.size(); ++g)
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = 0; j < p; ++j) {
        check(got.groups[g].matrix[i * p + j], setup.place(g, i), setup.place(g, j));
        if (shared[i] && shared[j])
          check(got.shared.matrix[i * p + j], setup.place(g, i), setup.place(g, j));
      }
}

// Objective, parameters and covariance of a case and of its dense twin.
void compare_with_dense(const Case &given, const std::function<void(Setup &)> &change = {}) {
  Setup setup(given);
  if (change)
    change(setup);
  const GroupedSummary found = setup.solve();
  CHECK(found.best.status == Status::converged);
  CHECK(found.agreed == found.asked && found.failed == 0);
  const std::unique_ptr<Problem> problem = setup.dense_problem();
  const SolverOptions solver = setup.dense_solver();
  Point theta = setup.dense(given.theta);
  for (std::size_t i = 0; i < theta.size(); ++i)
    theta[i] = std::clamp(theta[i], solver.lower[i], solver.upper[i]);
  toys::ProblemObjective objective(*problem);
  const SolverSummary dense = LevenbergMarquardt(solver).solve(objective, theta.data());
  CHECK_NEAR(found.best.objective, dense.objective, 1e-12);
  const Point joined = setup.dense(found.theta);
  std::vector<bool> at_bound;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    CHECK_CLOSE(joined[i], theta[i], 1e-8, 1e-3);
    at_bound.push_back(theta[i] <= solver.lower[i] || theta[i] >= solver.upper[i]);
  }
  Cancel cancel;
  compare_matrices(setup, setup.covariance_at(found.theta),
                   covariance(*problem, theta.data(), at_bound, cancel), given.shared, 1e-6);
}

bool same_bits(const Point &a, const Point &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

} // namespace

static void test_dense_twin() {
  for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1}) {
    compare_with_dense(power(loss));
    compare_with_dense(annealing(loss));
  }
}

static void test_bounds() {
  Case steeper = power();
  steeper.ranges[2].low = 0.7;
  compare_with_dense(steeper, [](Setup &setup) { setup.solver.lower[2] = 0.7; }); // shared
  compare_with_dense(power(), [](Setup &setup) { setup.solver.upper[0] = 2.5; }); // of one group
  compare_with_dense(power(Loss::squared), [](Setup &setup) { setup.solver.upper[3] = 0.05; });
}

// c + exp(-x/s_g): the own scales are sought by their logarithms, which are below 0.
static void test_own_logarithms() {
  const Case given = {"scales",
                      [](Formula &f, Parameters &p) { p[0] + exp(-(f.column(2) / p[1])); },
                      {true, false},
                      {{2, 0.3}, {2, 0.07}, {2, 0.9}},
                      {60, 50, 40},
                      {{Kind::eliminated, 0, 0}, {Kind::log, 0.02, 2}},
                      {Loss::huber, 0.02, Space::log, {false, true}}};
  compare_with_dense(given, [](Setup &setup) { setup.solver.lower[1] = 0; });
  for (const double most : {0.5, 0.6, 0.7, 0.8}) {
    Setup setup(given);
    setup.solver.lower[1] = 0;
    setup.solver.upper[1] = most;
    const GroupedSummary found = setup.solve();
    CHECK(found.theta[2][1] == most && found.theta[1][1] < 0.1);
  }
}

static void test_recovery_without_noise() {
  for (const Case &given : {power(), annealing()}) {
    const Setup setup(given, false);
    const GroupedSummary found = setup.solve();
    for (std::size_t g = 0; g < found.theta.size(); ++g)
      for (std::size_t i = 0; i < found.theta[g].size(); ++i)
        CHECK_NEAR(found.theta[g][i], given.theta[g][i], 1e-7);
  }
}

// Groups enough to be shared out to threads, or else starts.
static void test_threads() {
  for (std::size_t rows : {100U, 1300U}) {
    Case given = power();
    given.theta.clear();
    given.rows.clear();
    for (std::size_t g = 0; g < 40; ++g) {
      const auto x = static_cast<double>(g);
      given.theta.push_back({2 + 0.05 * x, 0.5 + 0.01 * x, 0.6, 0.1});
      given.rows.push_back(rows + g);
    }
    const Setup setup(given);
    const std::int64_t starts = rows < 1000 ? 10 : 3;
    const GroupedSummary one = setup.solve(1, starts);
    const GroupedCovariance errors = setup.covariance_at(one.theta, 1);
    CHECK(one.run == starts && one.agreed == starts);
    for (int threads : {2, 3, 8}) {
      const GroupedSummary many = setup.solve(threads, starts);
      const GroupedCovariance same = setup.covariance_at(one.theta, threads);
      CHECK(many.best.objective == one.best.objective && many.evaluations == one.evaluations);
      CHECK(many.best_start == one.best_start);
      for (std::size_t g = 0; g < one.theta.size(); ++g) {
        CHECK(same_bits(many.theta[g], one.theta[g]));
        CHECK(same_bits(same.groups[g].matrix, errors.groups[g].matrix));
      }
    }
  }
}

// A sum of a shared and an own constant: neither is determined, and all that stands beside is.
static void test_undetermined() {
  Case given = power(Loss::squared);
  for (Point &theta : given.theta)
    theta[3] = 0;
  given.build = [](Formula &f, Parameters &p) { p[0] + p[3] + p[1] * pow(f.column(2), -p[2]); };
  for (Loss loss : {Loss::squared, Loss::huber}) {
    given.options.loss = loss;
    const Setup setup(given);
    const GroupedSummary found = setup.solve();
    const GroupedCovariance errors = setup.covariance_at(found.theta);
    CHECK((errors.shared.undetermined == std::vector<bool>{false, false, false, true}));
    for (const Covariance &group : errors.groups) {
      CHECK((group.undetermined == std::vector<bool>{true, false, false, true}));
      CHECK(group.rank == 3 && group.condition == toys::infinity);
      CHECK(group.matrix[0] == toys::infinity && std::isnan(group.matrix[1]));
      CHECK(group.matrix[5] > 0 && std::isfinite(group.matrix[5]));
      CHECK_NEAR(group.matrix[10], errors.shared.matrix[10], 1e-6);
    }
    // Without the shared constant nothing is lost, and the rest has the same errors.
    Case plain = given;
    plain.build = [](Formula &f, Parameters &p) {
      p[0] + p[1] * pow(f.column(2), -p[2]) + 0.0 * p[3];
    };
    const Setup other(plain);
    const GroupedCovariance want = other.covariance_at(other.solve().theta);
    for (std::size_t g = 0; g < want.groups.size(); ++g)
      CHECK_NEAR(errors.groups[g].matrix[5], want.groups[g].matrix[5], 1e-5);
  }
}

// One row does not determine two parameters; the other groups do not feel it.
static void test_group_with_too_few_rows() {
  Case given = power(Loss::squared);
  given.rows = {60, 45, 1};
  const Setup setup(given);
  const GroupedCovariance errors = setup.covariance_at(setup.solve().theta);
  CHECK((errors.groups[2].undetermined == std::vector<bool>{true, true, false, false}));
  CHECK((errors.groups[0].undetermined == toys::all(4, false)));
  given.rows.pop_back();
  given.theta.pop_back();
  const Setup without(given);
  const GroupedCovariance want = without.covariance_at(without.solve().theta);
  for (std::size_t k = 0; k < 16; ++k)
    CHECK_NEAR(errors.groups[0].matrix[k], want.groups[0].matrix[k], 1e-6);
}

static void test_refusals() {
  const Setup setup(power());
  CHECK_THROWS(Grouped({}, {true}), std::invalid_argument);
  Cancel cancel;
  const Program law = program_of(power().build, 4);
  const Data data = toys::columns(20);
  const Point theta = power().theta[0], y = toys::noisy(law, data, theta, 0);
  const Problem centred(law, data, y, {}, {}, theta, toys::all(4), toys::all(4), cancel);
  CHECK_THROWS(Grouped({&centred}, {false, true, true, true}), std::invalid_argument);
  CHECK_THROWS(Grouped({&centred}, {true, true, true}), std::invalid_argument);
  ProblemOptions options;
  options.logarithmic = {false, false, true, false};
  const Problem logarithm(law, data, y, {}, options, theta, toys::all(4), toys::all(4, false),
                          cancel);
  CHECK_THROWS(Grouped({&logarithm}, {false, false, true, true}), std::invalid_argument);
}

static void test_cancel() {
  const Setup setup(power());
  GroupedOptions options;
  options.ranges.assign(3, power().ranges);
  Cancel cancel;
  cancel.request();
  CHECK_THROWS(grouped_multistart(setup.grouped(), setup.solver, options, cancel), Cancelled);
}

int main() {
  test_dense_twin();
  test_bounds();
  test_own_logarithms();
  test_recovery_without_noise();
  test_threads();
  test_undetermined();
  test_group_with_too_few_rows();
  test_refusals();
  test_cancel();
  return check::finish();
}
