#include "check.hpp"
#include "lawfit/binomial.hpp"
#include "lawfit/covariance.hpp"
#include "toys.hpp"

#include <cmath>
#include <cstddef>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

long double plain(long double y, long double f) {
  const long double one = y > 0 ? y * std::log(y / f) : 0;
  return one + (y < 1 ? (1 - y) * std::log((1 - y) / (1 - f)) : 0);
}

// Rates of a law exp(−c·x^−a), out of `trials` each.
struct Rates {
  explicit Rates(std::size_t rows = 200) : data(toys::columns(rows)), theta{0.4, 0.7} {
    Formula f;
    auto c = f.parameter(), a = f.parameter();
    exp(-(c * pow(f.column(2), -a)));
    program = std::make_unique<Program>(f.program());
    Cancel cancel;
    truth = evaluate(*program, data, theta, cancel);
    std::mt19937_64 random(8);
    for (std::size_t i = 0; i < rows; ++i) {
      const int n = 20 + static_cast<int>(i % 30);
      std::binomial_distribution<int> draw(n, truth[i]);
      trials.push_back(n);
      y.push_back(static_cast<double>(draw(random)) / n);
    }
  }
  Problem problem(const Point &rates, const Point &weights) const {
    Cancel cancel;
    return {*program, data,         rates,        weights, {Loss::binomial, 1e-3, Space::linear},
            theta,    toys::all(2), toys::all(2), cancel};
  }

  Data data;
  Point theta, truth, y, trials;
  std::unique_ptr<Program> program;
};

} // namespace

static void test_value() {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (int k = 0; k < 2000; ++k) {
    const double y = k % 5 == 0 ? k % 2 : uniform(random), f = std::pow(uniform(random), 1 + k % 9);
    const BinomialTerm at = binomial_term(y, f);
    CHECK_CLOSE(at.value, static_cast<double>(plain(y, f)), 1e-13, 2e-5);
    CHECK(at.value >= 0 && at.information > 0 && at.d2 > 0);
  }
  // Near y the value is (f−y)²/(2y(1−y)): the plain formula would lose it.
  for (double y : {0.01, 0.5, 0.97}) {
    const double f = y * (1 + 1e-9);
    CHECK_NEAR(binomial_term(y, f).value, (f - y) * (f - y) / (2 * y * (1 - y)), 1e-7);
    CHECK(binomial_term(y, y).value == 0 && binomial_term(y, y).d1 == 0);
  }
}

static void test_derivatives_by_the_value() {
  for (double y : {0.0, 0.2, 0.71, 1.0})
    for (double f : {0.013, 0.3, 0.69, 0.992}) {
      const double h = 1e-3 * std::fmin(f, 1 - f);
      const BinomialTerm at = binomial_term(y, f), above = binomial_term(y, f + h),
                         below = binomial_term(y, f - h);
      CHECK_CLOSE(at.d1, (above.value - below.value) / (2 * h), 1e-5, at.information);
      CHECK_CLOSE(at.d2, (above.d1 - below.d1) / (2 * h), 1e-5, at.information);
      // d2 at y = f is the information; it is linear in y, so that is its expectation.
      CHECK_NEAR(binomial_term(f, f).d2, at.information, 1e-14);
    }
}

static void test_edges() {
  for (double rate : {0.0, 1.0}) {
    const BinomialTerm at = binomial_term(rate, rate);
    CHECK(at.value == 0 && at.d1 == (rate == 1 ? -1 : 1) && at.d2 == 1 && at.information == 1);
    CHECK(std::isnan(binomial_term(1 - rate, rate).value));
    CHECK(std::isnan(binomial_term(0.5, rate).value));
  }
  for (double f : {-0.1, 1.1, HUGE_VAL, -HUGE_VAL, static_cast<double>(NAN)})
    for (double y : {0.0, 0.5, 1.0})
      CHECK(std::isnan(binomial_term(y, f).value));
  CHECK(binomial_term(0, 1e-300).value == 1e-300);
}

static void test_derivatives_of_a_problem() {
  const Rates rates;
  const Problem problem = rates.problem(rates.y, rates.trials);
  toys::ProblemObjective objective(problem);
  const auto at = std::make_unique<Evaluation>(), there = std::make_unique<Evaluation>();
  CHECK(objective.evaluate(rates.theta.data(), 2, *at));
  double want = 0;
  for (std::size_t i = 0; i < rates.y.size(); ++i)
    want += rates.trials[i] * static_cast<double>(plain(rates.y[i], rates.truth[i]));
  CHECK_NEAR(at->objective, want, 1e-12);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto jet = [&](const Point &theta) {
      objective.evaluate(theta.data(), 1, *there);
      return Point{there->objective, there->gradient[0], there->gradient[1]};
    };
    const Point slope = toys::difference(jet, rates.theta, k);
    CHECK_CLOSE(at->gradient[k], slope[0], 1e-8, at->objective);
    for (std::size_t j = 0; j < 2; ++j)
      CHECK_CLOSE(at->hessian[j * 2 + k], slope[1 + j], 1e-8, at->gauss_newton[0]);
  }
}

// With y the truth itself the Hessian is the information, and so is the Gauss–Newton matrix.
static void test_information() {
  const Rates rates;
  const Problem problem = rates.problem(rates.truth, rates.trials);
  toys::ProblemObjective objective(problem);
  const auto at = std::make_unique<Evaluation>();
  CHECK(objective.evaluate(rates.theta.data(), 2, *at));
  CHECK(at->objective < 1e-25);
  for (int k = 0; k < 4; ++k)
    CHECK_NEAR(at->gauss_newton[k], at->hessian[k], 1e-12);
  Cancel cancel;
  const Covariance cov = covariance(problem, rates.theta.data(), toys::all(2, false), cancel);
  const double *h = at->gauss_newton, determinant = h[0] * h[3] - h[1] * h[2];
  const double inverse[] = {h[3] / determinant, -h[1] / determinant, -h[2] / determinant,
                            h[0] / determinant};
  for (std::size_t k = 0; k < 4; ++k)
    CHECK_NEAR(cov.matrix[k], inverse[k], 1e-10);
}

static void test_solve() {
  const Rates rates;
  const Problem problem = rates.problem(rates.y, rates.trials);
  toys::ProblemObjective objective(problem);
  Point theta = {1.0, 0.2};
  const SolverSummary found = LevenbergMarquardt(toys::unbounded(2)).solve(objective, theta.data());
  CHECK(found.status == Status::converged);
  CHECK_NEAR(theta[0], 0.4, 0.1);
  CHECK_NEAR(theta[1], 0.7, 0.1);
  // A law above 1 has no value there.
  const auto at = std::make_unique<Evaluation>();
  const Point above = {-0.1, 0.7};
  CHECK(!objective.evaluate(above.data(), 0, *at));
}

static void test_refusals() {
  const Rates rates(5);
  CHECK_THROWS(rates.problem({0, 0.5, 1, 1.5, 0}, {}), std::invalid_argument);
  CHECK_THROWS(rates.problem({0, 0.5, 1, NAN, 0}, {}), std::invalid_argument);
  Cancel cancel;
  const ProblemOptions in_log_space{Loss::binomial, 1e-3, Space::log};
  CHECK_THROWS(Problem(*rates.program, rates.data, rates.truth, {}, in_log_space, rates.theta,
                       toys::all(2), toys::all(2), cancel),
               std::invalid_argument);
}

int main() {
  test_value();
  test_derivatives_by_the_value();
  test_edges();
  test_derivatives_of_a_problem();
  test_information();
  test_solve();
  test_refusals();
  return check::finish();
}
