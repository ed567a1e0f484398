#include "check.hpp"
#include "lawfit/covariance.hpp"
#include "lawfit/robust.hpp"
#include "lawfit/simd_plain.hpp"
#include "toys.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

// a·x^-b + c on column 2, fitted to noisy data.
struct Fitted {
  Fitted(Loss loss, double delta, Space space, const Point &weights, std::size_t rows = 60)
      : data(toys::columns(rows)), theta{1.5, 0.4, 2.0} {
    Formula f;
    auto a = f.parameter(), b = f.parameter(), c = f.parameter();
    a *pow(f.column(2), -b) + c;
    program = std::make_unique<Program>(f.program());
    y = toys::noisy(*program, data, theta, 0.02);
    Cancel cancel;
    problem =
        std::make_unique<Problem>(*program, data, y, weights, ProblemOptions{loss, delta, space},
                                  theta, toys::all(3), toys::all(3), cancel);
    toys::ProblemObjective objective(*problem);
    LevenbergMarquardt(toys::unbounded(3)).solve(objective, theta.data());
  }

  // Residual of a row and its gradient, by the formula.
  double residual(std::size_t i, double *gradient) const {
    const double x = data.columns[2][i], power = std::pow(x, -theta[1]);
    const double f = theta[0] * power + theta[2];
    const bool log_space = problem->options().space == Space::log;
    const double h = log_space ? 1 / f : 1;
    gradient[0] = h * power;
    gradient[1] = -h * theta[0] * power * std::log(x);
    gradient[2] = h;
    return log_space ? std::log(f / y[i]) : f - y[i];
  }

  Data data;
  Point theta, y;
  std::unique_ptr<Program> program;
  std::unique_ptr<Problem> problem;
};

Covariance covariance_of(const Problem &problem, const Point &theta, std::vector<bool> at_bound) {
  Cancel cancel;
  return covariance(problem, theta.data(), at_bound, cancel);
}

// By Gauss–Jordan, without pivots: for the definite ones here.
Point inverse(Point a, std::size_t n) {
  Point out(n * n);
  for (std::size_t i = 0; i < n; ++i)
    out[i * n + i] = 1;
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = 0; i < n; ++i) {
      const double pivot = a[k * n + k], factor = a[i * n + k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i * n + j] = i == k ? a[i * n + j] / pivot : a[i * n + j] - factor / pivot * a[k * n + j];
        out[i * n + j] =
            i == k ? out[i * n + j] / pivot : out[i * n + j] - factor / pivot * out[k * n + j];
      }
    }
  return out;
}

Point product(const Point &a, const Point &b, std::size_t n) {
  Point out(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k < n; ++k)
        out[i * n + j] += a[i * n + k] * b[k * n + j];
  return out;
}

void compare(const Point &got, const Point &want, double tolerance) {
  CHECK(got.size() == want.size());
  for (std::size_t k = 0; k < got.size(); ++k)
    CHECK_CLOSE(got[k], want[k], tolerance, 0.0);
}

Point weights_of(std::size_t rows) {
  Point out;
  for (std::size_t i = 0; i < rows; ++i)
    out.push_back(0.5 + static_cast<double>(i % 5));
  return out;
}

// A problem with any law on the toy columns, in linear space.
Problem linear_problem(const Program &program, const Data &data, const Point &y, const Point &theta,
                       Loss loss = Loss::squared) {
  Cancel cancel;
  const auto free = toys::all(theta.size());
  return {program, data, y, {}, {loss, 0.05, Space::linear}, theta, free, free, cancel};
}

} // namespace

static void test_squared_loss() {
  for (Space space : {Space::log, Space::linear})
    for (const Point &weights : {Point(), weights_of(60)}) {
      const Fitted fit(Loss::squared, 1, space, weights);
      Point matrix(9);
      double squares = 0;
      for (std::size_t i = 0; i < 60; ++i) {
        double g[3];
        const double w = weights.empty() ? 1 : weights[i], r = fit.residual(i, g);
        squares += w * r * r;
        for (std::size_t j = 0; j < 3; ++j)
          for (std::size_t k = 0; k < 3; ++k)
            matrix[3 * j + k] += w * g[j] * g[k];
      }
      Point want = inverse(matrix, 3);
      for (double &entry : want)
        entry *= squares / 57;
      const Covariance got = covariance_of(*fit.problem, fit.theta, toys::all(3, false));
      compare(got.matrix, want, 1e-8);
      CHECK(got.rank == 3 && got.condition >= 1 && got.condition < 1e4);
      CHECK(got.undetermined == toys::all(3, false));
    }
}

// Σ ψ²jjᵀ of a fit's 60 rows, and Σ w·jjᵀ over those with the m least residuals times `factor`/h.
struct Sums {
  Point meat = Point(9), inner = Point(9);
};

static Sums sums_of(const Fitted &fit, const Point &weights, std::size_t m, double factor) {
  const Loss loss = fit.problem->options().loss;
  const double delta = fit.problem->options().delta;
  Sums out;
  Point sizes;
  for (std::size_t i = 0; i < 60; ++i) {
    double g[3];
    sizes.push_back(std::abs(fit.residual(i, g)));
  }
  std::sort(sizes.begin(), sizes.end());
  for (std::size_t i = 0; i < 60; ++i) {
    double g[3];
    const double r = fit.residual(i, g), w = weights.empty() ? 1 : weights[i];
    const double d1 = loss == Loss::huber ? rho<Loss::huber, simd::Doubles>(r, delta).d1
                                          : rho<Loss::soft_l1, simd::Doubles>(r, delta).d1;
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) {
        out.meat[3 * j + k] += w * w * d1 * d1 * g[j] * g[k];
        if (std::abs(r) <= sizes[m - 1] * (1 + 1e-12))
          out.inner[3 * j + k] += factor / sizes[m - 1] * w * g[j] * g[k];
      }
  }
  return out;
}

static Point sandwich_of(const Point &hessian, const Point &meat) {
  const Point bread = inverse(hessian, 3);
  Point out = product(product(bread, meat, 3), bread, 3);
  for (double &entry : out)
    entry *= 60.0 / 57;
  return out;
}

// A quarter of the noise leaves most rows beyond delta, five times as much hardly any.
static void test_sandwich() {
  for (double delta : {0.005, 0.1})
    for (Loss loss : {Loss::huber, Loss::soft_l1})
      for (const Point &weights : {Point(), weights_of(60)}) {
        const std::size_t m = 35; // 1.295·60^0.8 = 34.3
        const Fitted fit(loss, delta, Space::log, weights);
        const Sums sums = sums_of(fit, weights, m, delta * (1 - 3.0 / static_cast<double>(m)));
        toys::ProblemObjective objective(*fit.problem);
        const auto at = std::make_unique<Evaluation>();
        CHECK(objective.evaluate(fit.theta.data(), 2, *at));
        const Point exact(at->hessian, at->hessian + 9);
        const Covariance got = covariance_of(*fit.problem, fit.theta, toys::all(3, false));
        CHECK(got.from_hessian);
        compare(got.matrix, sandwich_of(delta < 0.1 ? sums.inner : exact, sums.meat), 1e-8);
      }
}

static void test_at_a_bound() {
  const Fitted fit(Loss::squared, 1, Space::linear, {});
  const Covariance whole = covariance_of(*fit.problem, fit.theta, toys::all(3, false));
  const Covariance got = covariance_of(*fit.problem, fit.theta, {false, true, false});
  CHECK(got.rank == 2);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(std::isnan(got.matrix[3 + k]) && std::isnan(got.matrix[3 * k + 1]));
  // The others are as if b were known, so better than when it is not.
  CHECK(got.matrix[0] > 0 && got.matrix[0] < whole.matrix[0]);
  CHECK(got.matrix[8] > 0 && got.matrix[8] < whole.matrix[8]);
  CHECK(std::isfinite(got.matrix[2]) && !got.undetermined[1]);
  const Covariance none = covariance_of(*fit.problem, fit.theta, toys::all(3));
  CHECK(none.rank == 0 && std::isnan(none.matrix[0]) && std::isnan(none.matrix[8]));
}

// Two parameters that occur as a product or a sum alone: the data do not tell them apart, and what
// they say of the others is what they say with the product or the sum as one parameter.
static void test_undetermined() {
  const Data data = toys::columns(60);
  for (const auto &[of_product, loss] : {std::pair{true, Loss::squared},
                                         {true, Loss::huber},
                                         {false, Loss::squared},
                                         {false, Loss::huber}}) {
    Formula f, g;
    auto a = f.parameter(), c = f.parameter(), b = f.parameter();
    (of_product ? a * b : a + b) * f.column(2) + c;
    auto ab = g.parameter(), only = g.parameter();
    ab *g.column(2) + only;
    const Point theta = {1.5, 2.0, 0.8}, one = {of_product ? 1.5 * 0.8 : 1.5 + 0.8, 2.0};
    const Point y = toys::noisy(g.program(), data, one, 0.02);
    const Covariance got = covariance_of(linear_problem(f.program(), data, y, theta, loss), theta,
                                         toys::all(3, false)),
                     want = covariance_of(linear_problem(g.program(), data, y, one, loss), one,
                                          toys::all(2, false));
    CHECK(got.rank == 2 && got.condition == toys::infinity);
    CHECK(got.undetermined == std::vector<bool>({true, false, true}));
    CHECK(got.matrix[0] == toys::infinity && got.matrix[8] == toys::infinity);
    CHECK_NEAR(got.matrix[4], want.matrix[3], 1e-9);
  }
}

// Two such pairs and a parameter with no effect at all.
static void test_several_undetermined() {
  const Data data = toys::columns(60);
  Formula f, g;
  auto a = f.parameter(), b = f.parameter(), c = f.parameter(), d = f.parameter(),
       e = f.parameter(), none = f.parameter();
  (a + b) * f.column(2) + c * d * f.column(3) + e + 0.0 * none;
  auto ab = g.parameter(), cd = g.parameter(), only = g.parameter();
  ab *g.column(2) + cd *g.column(3) + only;
  const Point theta = {1.5, 0.5, 0.8, 0.3, 4.0, 7.0}, reduced = {2.0, 0.24, 4.0};
  const Point y = toys::noisy(g.program(), data, reduced, 0.02);
  const Covariance got = covariance_of(linear_problem(f.program(), data, y, theta), theta,
                                       toys::all(6, false)),
                   want = covariance_of(linear_problem(g.program(), data, y, reduced), reduced,
                                        toys::all(3, false));
  CHECK(got.rank == 3);
  CHECK(got.undetermined == std::vector<bool>({true, true, true, true, false, true}));
  CHECK_NEAR(got.matrix[6 * 4 + 4], want.matrix[8], 1e-9);
  for (std::size_t k : {0U, 1U, 2U, 3U, 5U})
    CHECK(got.matrix[7 * k] == toys::infinity);
}

static void test_as_many_rows_as_parameters() {
  const Fitted fit(Loss::squared, 1, Space::linear, {}, 3);
  const Covariance got = covariance_of(*fit.problem, fit.theta, toys::all(3, false));
  CHECK(got.rank == 3 && got.undetermined == toys::all(3, false));
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(got.matrix[4 * k] == toys::infinity);
}

// What no rows are left to tell stays unknown, whatever the objective.
static void test_rescaling() {
  const double infinity = std::numeric_limits<double>::infinity();
  Covariance found;
  found.matrix = {4, infinity};
  found.objective = 2;
  found.rescale(1);
  CHECK(found.matrix[0] == 2 && found.matrix[1] == infinity && found.objective == 1);
  found.rescale(0);
  CHECK(found.matrix[0] == 0 && found.matrix[1] == infinity);
}

int main() {
  test_squared_loss();
  test_sandwich();
  test_at_a_bound();
  test_undetermined();
  test_several_undetermined();
  test_as_many_rows_as_parameters();
  test_rescaling();
  return check::finish();
}
