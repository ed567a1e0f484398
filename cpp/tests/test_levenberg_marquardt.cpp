#include "check.hpp"
#include "lawfit/levenberg_marquardt.hpp"
#include "toys.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

// F = size·½Σ r², with residuals and their derivatives given.
struct Residual {
  double value;
  Point gradient, hessian; // p, p×p
};
class Squares final : public Objective {
public:
  using Residuals = std::function<std::vector<Residual>(const double *)>;
  Squares(int p, Residuals residuals, double scale = 1)
      : size(scale), p_(p), residuals_(std::move(residuals)) {}

  int parameters() const override { return p_; }
  bool cheap_hessian() const override { return cheap; }
  double rounding() const override { return 1e-30 * size; }
  bool evaluate(const double *theta, int order, Evaluation &out) override {
    ++evaluations;
    const auto p = static_cast<std::size_t>(p_);
    path.insert(path.end(), theta, theta + p);
    out.objective = 0;
    if (order >= 1) {
      std::fill_n(out.gradient, p, 0.0);
      std::fill_n(out.gauss_newton, p * p, 0.0);
      std::fill_n(out.hessian, p * p, 0.0);
    }
    for (const Residual &r : residuals_(theta)) {
      out.objective += 0.5 * size * r.value * r.value;
      for (std::size_t i = 0; order >= 1 && i < p; ++i) {
        out.gradient[i] += size * r.value * r.gradient[i];
        for (std::size_t j = 0; j < p; ++j) {
          const double square = size * r.gradient[i] * r.gradient[j];
          out.gauss_newton[i * p + j] += square;
          out.hessian[i * p + j] += square + size * r.value * r.hessian[i * p + j];
        }
      }
    }
    return std::isfinite(out.objective);
  }

  int evaluations = 0;
  bool cheap = true;
  double size;
  Point path; // every point asked for

private:
  int p_;
  Residuals residuals_;
};

// Rosenbrock 1960: r = (10(y - x²), 1 - x), x and y in the units given; `steep` in place of 10.
Squares::Residuals rosenbrock(double ux = 1, double uy = 1, double steep = 10) {
  return [=](const double *t) {
    const double x = t[0] / ux, y = t[1] / uy;
    return std::vector<Residual>{
        {steep * (y - x * x), {-2 * steep * x / ux, steep / uy}, {-2 * steep / ux / ux, 0, 0, 0}},
        {1 - x, {-1 / ux, 0}, {0, 0, 0, 0}}};
  };
}

// Powell 1962, singular at its minimum 0.
std::vector<Residual> powell(const double *t) {
  const double a = t[1] - 2 * t[2], b = t[0] - t[3];
  const double s5 = std::sqrt(5.0), s10 = std::sqrt(10.0);
  Point ha(16), hb(16);
  ha[5] = 2, ha[10] = 8, ha[6] = ha[9] = -4;
  hb[0] = hb[15] = 2 * s10, hb[3] = hb[12] = -2 * s10;
  return {{t[0] + 10 * t[1], {1, 10, 0, 0}, Point(16)},
          {s5 * (t[2] - t[3]), {0, 0, s5, -s5}, Point(16)},
          {a * a, {0, 2 * a, -4 * a, 0}, ha},
          {s10 * b * b, {2 * s10 * b, 0, 0, -2 * s10 * b}, hb}};
}

SolverSummary solve(Objective &objective, Point &theta, const SolverOptions &options) {
  return LevenbergMarquardt(options).solve(objective, theta.data());
}

// At a bounded minimum the gradient points out of the box, and vanishes where there is room.
void check_kkt(Objective &objective, const Point &theta, const SolverOptions &options) {
  Evaluation at;
  CHECK(objective.evaluate(theta.data(), 1, at));
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double small = 1e-7 * std::sqrt(at.gauss_newton[i * theta.size() + i]);
    CHECK(theta[i] >= options.lower[i] && theta[i] <= options.upper[i]);
    if (theta[i] > options.lower[i])
      CHECK(at.gradient[i] <= small);
    if (theta[i] < options.upper[i])
      CHECK(at.gradient[i] >= -small);
  }
}

} // namespace

static void test_rosenbrock() {
  for (bool cheap : {true, false}) {
    Squares objective(2, rosenbrock());
    objective.cheap = cheap;
    Point theta = {-1.2, 1};
    const SolverSummary summary = solve(objective, theta, toys::unbounded(2));
    CHECK(summary.status == Status::converged);
    CHECK(summary.objective <= 1e-28);
    CHECK_NEAR(theta[0], 1.0, 1e-14);
    CHECK_NEAR(theta[1], 1.0, 1e-14);
    CHECK(summary.iterations > 5 && summary.iterations < 60);
    // Every evaluation is counted.
    CHECK(summary.evaluations == objective.evaluations);
  }
}

// Valleys up to ten thousand times as curved as Rosenbrock's, from beside them and from their end.
static void test_curved_valley() {
  for (double steep : {1.0, 10.0, 100.0, 1000.0})
    for (const Point &start : {Point{-1.2, 1}, {-3, 9}, {5, -20}, {0, 0}})
      for (bool cheap : {true, false}) {
        Squares objective(2, rosenbrock(1, 1, steep));
        objective.cheap = cheap;
        Point theta = start;
        const SolverSummary summary = solve(objective, theta, toys::unbounded(2));
        CHECK(summary.status == Status::converged);
        CHECK(summary.evaluations < (steep > 100 ? 500 : 120));
        CHECK_NEAR(theta[0], 1.0, 1e-12);
        CHECK_NEAR(theta[1], 1.0, 1e-12);
      }
}

// The Hessian that is left is that of the point that is left, to the bit.
static void test_hessian() {
  for (bool cheap : {true, false})
    for (const Point &start : {Point{-1.2, 1}, {0.5, 2}, {3, 3}, {1, 1}}) {
      // A minimum with residuals left: one more, 0.1·(x + y).
      const Squares::Residuals valley = rosenbrock();
      Squares objective(2, [&](const double *t) {
        auto all = valley(t);
        all.push_back({0.1 * (t[0] + t[1]), {0.1, 0.1}, Point(4)});
        return all;
      });
      objective.cheap = cheap;
      Point theta = start;
      LevenbergMarquardt solver(toys::unbounded(2));
      CHECK(solver.hessian() == nullptr);
      CHECK(is_success(solver.solve(objective, theta.data()).status));
      Evaluation at;
      CHECK(objective.evaluate(theta.data(), 2, at));
      CHECK(solver.hessian() && std::equal(at.hessian, at.hessian + 4, solver.hessian()));
      // Nowhere, there is none.
      Squares nowhere(
          2, [](const double *) { return std::vector<Residual>{{NAN, {1, 1}, {0, 0, 0, 0}}}; });
      CHECK(solver.solve(nowhere, theta.data()).status == Status::bad_start);
      CHECK(solver.hessian() == nullptr);
    }
}

static void test_powell_singular() {
  Squares objective(4, powell);
  Point theta = {3, -1, 0, 1};
  const SolverSummary summary = solve(objective, theta, toys::unbounded(4));
  CHECK(is_success(summary.status));
  CHECK(summary.objective < 1e-20);
  for (double x : theta)
    CHECK(std::abs(x) < 1e-4);
}

static void test_bounds() {
  struct Case {
    Point lower, upper, start, want;
  };
  const double inf = toys::infinity;
  const Case cases[] = {
      {{-inf, -inf}, {0.5, inf}, {-1.2, 1}, {0.5, 0.25}},           // on a bound: y = x²
      {{-inf, -inf}, {0.5, 0.1}, {-1.2, 0.1}, {NAN, 0.1}},          // near sqrt(y)
      {{1.5, 3.0}, {2.0, 4.0}, {2.0, 4.0}, {1.7314409513844, 3.0}}, // inside one, on the other
      {{1.5, -inf}, {4.0, 1.0}, {3.0, -5.0}, {1.5, 1.0}},           // a corner
      {{2, 2}, {3, 3}, {2, 2}, {2, 3}},                             // from one corner to another
      {{-inf, -inf}, {1, 1}, {-1.2, 1}, {1, 1}}, // the free minimum is the corner
  };
  for (const Case &c : cases)
    for (bool cheap : {true, false}) {
      Squares objective(2, rosenbrock());
      objective.cheap = cheap;
      SolverOptions options;
      options.lower = c.lower;
      options.upper = c.upper;
      Point theta = c.start;
      CHECK(solve(objective, theta, options).status == Status::converged);
      check_kkt(objective, theta, options);
      for (std::size_t i = 0; i < 2; ++i)
        if (!std::isnan(c.want[i]))
          CHECK_NEAR(theta[i], c.want[i], 1e-6);
      // No point outside was ever asked for.
      for (std::size_t k = 0; k < objective.path.size(); ++k)
        CHECK(objective.path[k] >= c.lower[k % 2] && objective.path[k] <= c.upper[k % 2]);
    }
}

// What a bound takes from one parameter the others make up for within the same step: a linear
// problem with strong correlation stays a matter of a few steps.
static void test_bounded_linear_problem() {
  Squares objective(3, [](const double *t) {
    std::vector<Residual> out;
    for (int i = 0; i < 10; ++i) {
      const double x = 0.1 * i;
      out.push_back({t[0] + t[1] * x + t[2] * x * x - std::exp(x), {1, x, x * x}, Point(9)});
    }
    return out;
  });
  SolverOptions options = toys::unbounded(3);
  options.upper[2] = 0.25;
  Point theta = {0, 0, 0};
  const SolverSummary summary = solve(objective, theta, options);
  CHECK(summary.status == Status::converged && summary.iterations <= 6);
  CHECK(theta[2] == 0.25);
  check_kkt(objective, theta, options);
}

static void test_start_at_the_minimum() {
  Squares objective(2, rosenbrock());
  Point theta = {1, 1};
  const SolverSummary summary = solve(objective, theta, toys::unbounded(2));
  CHECK(summary.status == Status::converged && summary.iterations <= 1);
  CHECK(theta == Point({1, 1}) && summary.objective == 0);
}

static void test_not_finite() {
  Squares nowhere(1, [](const double *) { return std::vector<Residual>{{NAN, {1}, {0}}}; });
  Point theta = {2};
  SolverSummary summary = solve(nowhere, theta, toys::unbounded(1));
  CHECK(summary.status == Status::bad_start && theta[0] == 2 && summary.iterations == 0);
  // log x = -1: the first full step from 3 leaves the domain, and is taken back.
  Squares logarithm(1, [](const double *t) {
    return std::vector<Residual>{{std::log(t[0]) + 1, {1 / t[0]}, {-1 / (t[0] * t[0])}}};
  });
  theta = {30};
  summary = solve(logarithm, theta, toys::unbounded(1));
  CHECK(summary.status == Status::converged);
  CHECK_NEAR(theta[0], std::exp(-1.0), 1e-14);
}

static void test_iteration_limit() {
  for (int most : {0, 3, 8}) {
    Squares objective(2, rosenbrock());
    Point theta = {-1.2, 1};
    SolverOptions options = toys::unbounded(2);
    options.max_iterations = most;
    const SolverSummary summary = solve(objective, theta, options);
    CHECK(summary.status == Status::max_iterations && summary.iterations == most);
    Evaluation at;
    CHECK(objective.evaluate(theta.data(), 0, at) && at.objective == summary.objective);
    CHECK(at.objective <= 12.1 + 1e-13 && (most == 0 || at.objective < 12.1));
  }
}

static void test_observer() {
  struct Third final : Observer {
    int count = 0;
    double last = toys::infinity;
    bool operator()(const double *, double objective) override {
      CHECK(objective < last);
      last = objective;
      return ++count == 3;
    }
  } third;
  Squares objective(2, rosenbrock());
  Point theta = {-1.2, 1};
  LevenbergMarquardt(toys::unbounded(2)).solve(objective, theta.data(), &third);
  CHECK(third.count == 3);
}

// Neither the units of the objective nor those of the parameters matter.
static void test_scales() {
  Squares plain(2, rosenbrock());
  Point theta = {-1.2, 1};
  solve(plain, theta, toys::unbounded(2));
  // Even powers of two, 1e-199 … 1e199, whose roots are taken without rounding.
  for (int power : {-660, -200, -4, 200, 660}) {
    Squares scaled(2, rosenbrock(), std::ldexp(1.0, power));
    Point got = {-1.2, 1};
    CHECK(solve(scaled, got, toys::unbounded(2)).status == Status::converged);
    CHECK(got == theta);
    CHECK(scaled.path == plain.path);
  }
  for (double scale : {1e-200, 1e-7, 1e200}) {
    Squares scaled(2, rosenbrock(), scale);
    Point got = {-1.2, 1};
    solve(scaled, got, toys::unbounded(2));
    CHECK_NEAR(got[0], theta[0], 1e-13);
    CHECK_NEAR(got[1], theta[1], 1e-13);
  }
  for (int power : {-40, 40}) { // 1e-12 and 1e12
    const double ux = std::ldexp(1.0, power), uy = std::ldexp(1.0, -power);
    Squares scaled(2, rosenbrock(ux, uy));
    Point got = {-1.2 * ux, uy};
    CHECK(solve(scaled, got, toys::unbounded(2)).status == Status::converged);
    CHECK(scaled.path.size() == plain.path.size());
    for (std::size_t k = 0; k < std::min(plain.path.size(), scaled.path.size()); ++k)
      CHECK(scaled.path[k] == plain.path[k] * (k % 2 == 0 ? ux : uy));
  }
}

// Data that the law explains to the last bit.
static void test_no_residual() {
  const Data data = toys::columns(100);
  Formula f;
  auto e = f.parameter(), a = f.parameter(), alpha = f.parameter();
  e + a *pow(f.column(0), -alpha);
  const Point truth = {1.7, 400, 0.34};
  Cancel cancel;
  const Problem problem(f.program(), data, toys::noisy(f.program(), data, truth, 0), {}, {}, truth,
                        toys::all(3), toys::all(3), cancel);
  toys::ProblemObjective objective(problem, Coordinates::centred);
  Point theta = {1, 100, 0.2};
  problem.to_centred(theta);
  const SolverSummary summary = solve(objective, theta, toys::unbounded(3));
  problem.to_natural(theta);
  CHECK(summary.status == Status::converged);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK_NEAR(theta[k], truth[k], 1e-11);
}

// A parameter without effect does not stand in the others' way, and stays where it is.
static void test_no_effect() {
  Squares objective(2, [](const double *t) {
    return std::vector<Residual>{{t[0] * t[0] - 2, {2 * t[0], 0}, {2, 0, 0, 0}}};
  });
  Point theta = {3, 7};
  CHECK(is_success(solve(objective, theta, toys::unbounded(2)).status));
  CHECK_NEAR(theta[0], std::sqrt(2.0), 1e-14);
  CHECK(theta[1] == 7);
}

int main() {
  test_rosenbrock();
  test_curved_valley();
  test_hessian();
  test_powell_singular();
  test_bounds();
  test_bounded_linear_problem();
  test_start_at_the_minimum();
  test_not_finite();
  test_iteration_limit();
  test_observer();
  test_scales();
  test_no_residual();
  test_no_effect();
  return check::finish();
}
