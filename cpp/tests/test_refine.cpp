// The last digits of minima of an ill-conditioned law: a polynomial on [1, 1.5], whose residuals
// are linear, so that long doubles can solve for the same by orthogonal columns.
#include "check.hpp"
#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/refine.hpp"
#include "toys.hpp"

#include <limits>
#include <memory>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

constexpr std::size_t degree = 5, rows = 40;
constexpr double noise = 1e-7;

struct Polynomial {
  explicit Polynomial(ProblemOptions chosen = {Loss::squared, 1, Space::linear},
                      Point weighted = {}, double sd = noise)
      : options(chosen), weights(std::move(weighted)), theta(degree, 1.0), free(degree, true) {
    Formula f;
    std::vector<toys::Expression> p;
    for (std::size_t k = 0; k < degree; ++k)
      p.push_back(f.parameter());
    auto sum = p[0] + 0.0;
    for (std::size_t k = 1; k < degree; ++k)
      sum = sum + p[k] * pow(f.column(0), static_cast<double>(k));
    program = std::make_unique<Program>(f.program());
    data.rows = rows;
    data.columns.resize(1);
    for (std::size_t i = 0; i < rows; ++i)
      data.columns[0].push_back(1 + 0.5 * static_cast<double>(i) / (rows - 1));
    y = toys::noisy(*program, data, theta, sd);
    Cancel cancel;
    problem = std::make_unique<Problem>(*program, data, y, weights, options, theta, free,
                                        toys::all(degree, false), cancel);
    bounds = toys::unbounded(degree);
  }

  void solve() {
    toys::ProblemObjective objective(*problem);
    CHECK(is_success(LevenbergMarquardt(bounds).solve(objective, theta.data()).status));
  }

  Refinement refined(std::vector<bool> at_bound = std::vector<bool>(degree)) {
    Cancel cancel;
    found = covariance(*problem, theta.data(), at_bound, cancel);
    return refine(*problem, {*program, data, theta, free}, bounds, theta, at_bound, found, cancel);
  }

  double weight(std::size_t i) const { return weights.empty() ? 1.0 : weights[i]; }

  ProblemOptions options;
  Point weights, theta, y;
  std::vector<bool> free;
  Data data;
  std::unique_ptr<Program> program;
  std::unique_ptr<Problem> problem;
  SolverOptions bounds;
  Covariance found;
};

// Least squares by Gram–Schmidt, twice, in long doubles.
std::vector<long double> solution(const Polynomial &of) {
  using Column = std::vector<long double>;
  std::vector<Column> q(degree, Column(rows));
  Column rhs(rows);
  long double r[degree][degree] = {}, projected[degree];
  const auto dot = [](const Column &a, const Column &b) {
    long double sum = 0;
    for (std::size_t i = 0; i < rows; ++i)
      sum += a[i] * b[i];
    return sum;
  };
  for (std::size_t i = 0; i < rows; ++i) {
    const long double x = of.data.columns[0][i];
    long double power = std::sqrt(static_cast<long double>(of.weight(i)));
    rhs[i] = power * of.y[i];
    for (std::size_t k = 0; k < degree; ++k, power *= x)
      q[k][i] = power;
  }
  for (std::size_t k = 0; k < degree; ++k) {
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t j = 0; j < k; ++j) {
        const long double along = dot(q[j], q[k]);
        r[j][k] += along;
        for (std::size_t i = 0; i < rows; ++i)
          q[k][i] -= along * q[j][i];
      }
    r[k][k] = std::sqrt(dot(q[k], q[k]));
    for (long double &entry : q[k])
      entry /= r[k][k];
    projected[k] = dot(q[k], rhs);
  }
  std::vector<long double> out(degree);
  for (std::size_t k = degree; k-- > 0;) {
    out[k] = projected[k];
    for (std::size_t j = k + 1; j < degree; ++j)
      out[k] -= r[k][j] * out[j];
    out[k] /= r[k][k];
  }
  return out;
}

void check_solution(Polynomial &fit, double tolerance) {
  fit.solve();
  const Refinement more = fit.refined();
  CHECK(more.exact && more.theta.size() == degree && more.residuals.size() == rows);
  const std::vector<long double> want = solution(fit);
  double objective = 0;
  for (std::size_t k = 0; more.exact && k < degree; ++k) {
    const auto exact = static_cast<double>(want[k]);
    CHECK_NEAR(more.theta[k], exact, tolerance);
    CHECK(more.precision[k] == 0.5 * std::numeric_limits<double>::epsilon());
  }
  for (std::size_t i = 0; more.exact && i < rows; ++i)
    objective += 0.5 * fit.weight(i) * more.residuals[i] * more.residuals[i];
  CHECK_NEAR(more.objective, objective, 1e-13);
}

// Of no more digits than the reference has where long doubles are doubles.
const double reach = std::numeric_limits<long double>::digits >= 64 ? 1e-13 : 1e-9;

void test_least_squares() {
  Polynomial plain;
  check_solution(plain, reach);
  Point weights(rows);
  for (std::size_t i = 0; i < rows; ++i)
    weights[i] = 1 + 0.1 * static_cast<double>(i % 7);
  Polynomial weighted({Loss::squared, 1, Space::linear}, weights);
  check_solution(weighted, reach);
  Polynomial wide({Loss::huber, 1, Space::linear});
  check_solution(wide, reach);
}

// From any point nearby the same bits follow.
void test_other_losses() {
  for (const ProblemOptions &options : {ProblemOptions{Loss::huber, 0.5 * noise, Space::linear},
                                        ProblemOptions{Loss::huber, 0.3 * noise, Space::log},
                                        ProblemOptions{Loss::soft_l1, 0.5 * noise, Space::log},
                                        ProblemOptions{Loss::squared, 1, Space::log}}) {
    Polynomial fit(options);
    fit.solve();
    const Refinement once = fit.refined();
    CHECK(once.exact);
    for (std::size_t k = 0; k < degree; ++k)
      fit.theta[k] += (k % 2 ? 1e-9 : -1e-9) * 1e-3;
    const Refinement again = fit.refined();
    CHECK(again.exact && once.theta == again.theta);
  }
}

void test_bounds() {
  Polynomial fit;
  fit.bounds.lower[2] = fit.theta[2] = 1.2;
  fit.solve();
  CHECK(fit.theta[2] == 1.2);
  std::vector<bool> at_bound(degree);
  at_bound[2] = true;
  const Refinement more = fit.refined(at_bound);
  CHECK(more.precision[2] == 0 && more.precision[1] > 0);
  CHECK(more.theta.empty() || more.theta[2] == 1.2);
  // A minimum just beyond a bound that the search stopped short of is not stepped to.
  Polynomial near;
  near.solve();
  const Refinement free = near.refined();
  near.bounds.upper[0] = free.theta[0] * (1 - 1e-9); // more than rounding may hide
  near.theta[0] = near.bounds.upper[0] * (1 - 1e-8);
  const Refinement kept = near.refined();
  CHECK(!kept.exact && kept.theta.empty() && kept.precision[0] >= 1e-9);
}

// Where there is no minimum nearby, the answer stays as it is.
void test_far_away() {
  Polynomial fit({Loss::soft_l1, 1e-9, Space::linear});
  for (double &value : fit.theta)
    value *= 1.01;
  CHECK(!fit.refined().exact);
  fit.theta[0] = std::numeric_limits<double>::quiet_NaN();
  const Refinement none = fit.refined();
  CHECK(none.theta.empty() && std::isnan(none.precision[1]));
}

} // namespace

int main() {
  test_least_squares();
  test_other_losses();
  test_bounds();
  test_far_away();
  return check::finish();
}
