#include "check.hpp"
#include "lawfit/expansion.hpp"
#include "run_toys.hpp"

#include <cmath>
#include <memory>
#include <random>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;
using toys::Run;

namespace {

const std::vector<Residual> residuals = {
    {true, 1e-3}, {false, 1e-3}, {true, toys::infinity}, {false, toys::infinity}};

void test_laws_that_are_read() {
  const PowerSum law = *read_power_sum(toys::annealing(), {0, 0, 0, 0}, toys::all(4));
  CHECK(law.parameters == 4 && law.lam == 0.999 && law.terms.size() == 3);
  CHECK(law.terms[1].coefficient == 1 && law.terms[1].exponent == 2 && law.terms[1].slope == -1);
  CHECK(law.terms[2].annealing && law.terms[2].factor == -1);

  // Held parameters are numbers, and indices count the free.
  const PowerSum held =
      *read_power_sum(toys::annealing(), {0, 0, 0.5, 0}, {true, true, false, true});
  CHECK(held.parameters == 3 && held.terms[1].exponent == -1 && held.terms[1].shift == -0.5);
  CHECK(held.terms[2].coefficient == 2);

  Formula quotient;
  {
    auto a = quotient.parameter(), b = quotient.parameter();
    2.0 * a / pow(quotient.s1(), b) * quotient.s1();
  }
  const PowerSum other = *read_power_sum(quotient.program(), {0, 0}, toys::all(2));
  CHECK(other.terms.size() == 1 && other.terms[0].factor == 2 && other.terms[0].shift == 1 &&
        other.terms[0].slope == -1);
}

void test_laws_that_are_not() {
  const auto refuses = [](const auto &build, std::size_t parameters) {
    Formula f;
    build(f);
    CHECK(!read_power_sum(f.program(), Point(parameters, 0.5), toys::all(parameters)));
  };
  refuses([](Formula &f) { f.parameter() * f.s2(f.parameter()); }, 2);    // a free λ
  refuses([](Formula &f) { f.parameter() + f.column(0); }, 1);            // a column
  refuses([](Formula &f) { f.parameter() * exp(f.s1()); }, 1);            // no power
  refuses([](Formula &f) { f.parameter() * f.parameter() * f.s1(); }, 2); // a product
  refuses([](Formula &f) { f.s2(f.number(0.9)) + f.parameter() * f.s2(f.number(0.99)); }, 1);
  refuses([](Formula &f) { pow(f.parameter() * f.s1(), f.parameter()); }, 2);
}

void compare(const Evaluation &got, const Evaluation &want, double tolerance) {
  CHECK_NEAR(got.objective, want.objective, tolerance);
  double gradient = 0, hessian = 0, matrix = 0;
  for (int k = 0; k < 4; ++k)
    gradient = std::fmax(gradient, std::abs(want.gradient[k]));
  for (int k = 0; k < 16; ++k) {
    hessian = std::fmax(hessian, std::abs(want.hessian[k]));
    matrix = std::fmax(matrix, std::abs(want.gauss_newton[k]));
  }
  for (int k = 0; k < 4; ++k)
    CHECK_CLOSE(got.gradient[k], want.gradient[k], tolerance, gradient);
  for (int k = 0; k < 16; ++k) {
    CHECK_CLOSE(got.hessian[k], want.hessian[k], tolerance, hessian);
    CHECK_CLOSE(got.gauss_newton[k], want.gauss_newton[k], tolerance, matrix);
  }
}

// Against the general evaluator's, which is held to differences.
void test_pass() {
  const Run run(300, 3e-3);
  const PowerSum law = run.law();
  for (const Residual &residual : residuals) {
    const Problem problem = run.problem(300, residual);
    toys::ProblemObjective objective(problem);
    PowerPass pass(law, residual);
    const Point theta = {2.61, 0.44, 0.51, 0.3};
    auto got = std::make_unique<Evaluation>(), want = std::make_unique<Evaluation>();
    CHECK(objective.evaluate(theta.data(), 2, *want));
    clear(*got, 4);
    const PowerRows rows = run.rows(residual.logarithmic);
    CHECK(pass.add(rows, 0, 123, theta.data(), *got, Matrices::both) &&
          pass.add(rows, 123, 177, theta.data(), *got, Matrices::both));
    compare(*got, *want, 1e-12);
  }
  const Residual residual;
  PowerPass pass(law, residual);
  auto out = std::make_unique<Evaluation>();
  const Point below = {-3, 0.1, 0.5, 0.4};
  clear(*out, 4);
  CHECK(!pass.add(run.rows(true), 0, 300, below.data(), *out));
}

// eᵀH⁻¹e/2
double gap_of(const Evaluation &got, const Evaluation &want) {
  double factor[16], e[4], sum = 0;
  std::copy_n(want.hessian, 16, factor);
  for (int k = 0; k < 4; ++k)
    e[k] = got.gradient[k] - want.gradient[k];
  double solved[4] = {e[0], e[1], e[2], e[3]};
  CHECK(linalg::cholesky(factor, 4, 4));
  linalg::cholesky_solve(factor, 4, 4, solved);
  for (int k = 0; k < 4; ++k)
    sum += 0.5 * e[k] * solved[k];
  return sum;
}

Point minimum(const Run &run, const Residual &residual) {
  const Problem problem = run.problem(run.at.size(), residual);
  toys::ProblemObjective objective(problem);
  LevenbergMarquardt solver(toys::unbounded(4));
  Point theta = run.theta;
  CHECK(is_success(solver.solve(objective, theta.data()).status));
  return theta;
}

// A step of length 1 by the metric.
Point random_step(const Point &metric, std::mt19937_64 &random) {
  std::normal_distribution<double> normal;
  double factor[16], squares = 0;
  std::copy_n(metric.data(), 16, factor);
  CHECK(linalg::cholesky(factor, 4, 4));
  Point d(4);
  for (double &z : d) {
    z = normal(random);
    squares += z * z;
  }
  for (std::size_t i = 4; i-- > 0;) {
    for (std::size_t j = i + 1; j < 4; ++j)
      d[i] -= factor[j * 4 + i] * d[j];
    d[i] /= factor[i * 4 + i];
  }
  for (double &z : d)
    z /= std::sqrt(squares);
  return d;
}

// Within its radius the expansion and its near rows have the objective of all rows, up to the
// bound.
void test_bound(const Residual &residual, double sd, bool rough) {
  constexpr std::size_t n = 3000;
  const Run run(n, sd, rough);
  const PowerSum law = run.law();
  const PowerRows rows = run.rows(residual.logarithmic);
  const Point anchor = minimum(run, residual);
  PowerPass pass(law, residual);
  auto want = std::make_unique<Evaluation>(), got = std::make_unique<Evaluation>();
  clear(*want, 4);
  CHECK(pass.add(rows, 0, n, anchor.data(), *want));
  const Point metric(want->hessian, want->hessian + 16);
  std::mt19937_64 random(3);
  for (NearRows policy : {NearRows::kept_apart, NearRows::as_anchored})
    for (double share : {0.02, 0.3}) {
      const double radius = share * std::fmin(residual.delta, sd);
      Expansion expansion(law, residual, policy);
      expansion.begin(anchor.data(), metric.data(), radius, rows.log_s1.front(), rows.log_s1.back(),
                      n);
      std::size_t row = 0;
      for (; row + 300 < n; row += 100)
        expansion.add(rows, row, 100);
      expansion.finish();
      for (; row < n; ++row)
        expansion.append(rows, row);
      int inside = 0;
      for (int k = 1; k <= 20; ++k) {
        const Point step = random_step(metric, random);
        Point theta = anchor;
        for (std::size_t i = 0; i < 4; ++i)
          theta[i] += 0.045 * k * radius * step[i];
        clear(*want, 4);
        clear(*got, 4);
        CHECK(pass.add(rows, 0, n, theta.data(), *want));
        expansion.evaluate(theta.data(), *got);
        if (expansion.near().size() > 0)
          CHECK(pass.add(expansion.near(), 0, expansion.near().size(), theta.data(), *got));
        const Expansion::Reach reach = expansion.reach();
        inside += reach.inside;
        if (!reach.inside)
          continue;
        CHECK(gap_of(*got, *want) <= reach.gap + 1e-17 * want->objective);
        if (policy == NearRows::kept_apart && share < 0.1)
          CHECK(reach.gap <= 1e-12 * want->objective);
        if (policy == NearRows::kept_apart)
          CHECK_NEAR(got->objective, want->objective, 1e-9);
      }
      CHECK(inside >= 5);
      if (policy == NearRows::kept_apart && residual.delta == sd && share > 0.1)
        CHECK(expansion.near().size() > 0 && expansion.near().size() < n / 2);
    }
}

// At its anchor it is exact, with all derivatives of the third order that it has.
void test_derivatives() {
  const Run run(1000, 1e-3);
  const PowerSum law = run.law();
  for (const Residual &residual : residuals) {
    const PowerRows rows = run.rows(residual.logarithmic);
    Expansion expansion(law, residual, NearRows::as_anchored);
    auto want = std::make_unique<Evaluation>(), got = std::make_unique<Evaluation>();
    PowerPass pass(law, residual);
    clear(*want, 4);
    CHECK(pass.add(rows, 0, 1000, run.theta.data(), *want, Matrices::both));
    expansion.begin(run.theta.data(), want->hessian, 1e-6, rows.log_s1.front(), rows.log_s1.back(),
                    1000);
    for (std::size_t row = 0; row < 1000; row += 125)
      expansion.add(rows, row, 125);
    expansion.finish();
    clear(*got, 4);
    expansion.evaluate(run.theta.data(), *got);
    std::copy_n(want->gauss_newton, 16, got->gauss_newton); // which it has none of
    compare(*got, *want, 1e-12);

    const auto gradient = [&](const Point &theta) {
      clear(*got, 4);
      expansion.evaluate(theta.data(), *got);
      return Point(got->gradient, got->gradient + 4);
    };
    const Point theta = {2.6001, 0.4502, 0.4997, 0.4003};
    for (std::size_t k = 0; k < 4; ++k) {
      const Point by_k = toys::difference(gradient, theta, k);
      clear(*got, 4);
      expansion.evaluate(theta.data(), *got);
      for (std::size_t i = 0; i < 4; ++i)
        CHECK_CLOSE(got->hessian[k * 4 + i], by_k[i], 1e-8, toys::largest(by_k));
    }
  }
}

// Two free exponents, one of them of a term with S2, a held one, and linear parameters between.
void test_another_law() {
  PowerSum law;
  law.parameters = 6;
  law.lam = 0.999;
  law.terms = {{0, -1, 1, 0, 0, false},
               {5, 2, 1, 0, -1, false},
               {3, 4, -2, 0.1, 0.5, true},
               {1, -1, 1, 0.5, 0, false}};
  const Point anchor = {2.5, 0.01, 0.5, 0.2, 0.3, 0.45};
  const Run run(600, 2e-3);
  const std::size_t n = 600;
  for (const Residual &residual : residuals) {
    const PowerRows rows = run.rows(residual.logarithmic);
    PowerPass pass(law, residual);
    Expansion expansion(law, residual, NearRows::kept_apart);
    auto exact = std::make_unique<Evaluation>(), near = std::make_unique<Evaluation>();
    const auto passed = [&](const Point &theta) {
      clear(*exact, 6);
      CHECK(pass.add(rows, 0, n, theta.data(), *exact));
      return Point(exact->gradient, exact->gradient + 6);
    };
    const Residual smooth{residual.logarithmic, toys::infinity};
    PowerPass smoothed(law, smooth);
    const auto by_smooth = [&](const Point &theta) {
      clear(*near, 6);
      CHECK(smoothed.add(rows, 0, n, theta.data(), *near));
      Point out(near->gradient, near->gradient + 6);
      out.push_back(near->objective);
      return out;
    };
    for (std::size_t k = 0; k < 6; ++k) {
      const Point by_k = toys::difference(by_smooth, anchor, k);
      const Point gradient = by_smooth(anchor);
      CHECK_CLOSE(gradient[k], by_k[6], 1e-8, toys::largest(gradient));
      for (std::size_t i = 0; i < 6; ++i)
        CHECK_CLOSE(near->hessian[k * 6 + i], by_k[i], 1e-8, toys::largest(by_k));
    }

    passed(anchor);
    Point metric(exact->hessian, exact->hessian + 36);
    expansion.begin(anchor.data(), metric.data(), 1e-4, rows.log_s1.front(), rows.log_s1.back(), n);
    for (std::size_t row = 0; row < n; row += 120)
      expansion.add(rows, row, 120);
    expansion.finish();
    for (double share : {0.0, 1e-6, 1e-5}) {
      Point theta = anchor;
      for (std::size_t k = 0; k < 6; ++k)
        theta[k] *= 1 + share * (k % 2 == 0 ? 1 : -1);
      const Point want = passed(theta);
      clear(*near, 6);
      expansion.evaluate(theta.data(), *near);
      if (expansion.near().size() > 0)
        CHECK(pass.add(expansion.near(), 0, expansion.near().size(), theta.data(), *near));
      CHECK_NEAR(near->objective, exact->objective, 1e-11);
      for (std::size_t k = 0; k < 6; ++k)
        CHECK_CLOSE(near->gradient[k], want[k], 1e-10, toys::largest(want));
      for (std::size_t k = 0; k < 36; ++k)
        CHECK_CLOSE(near->hessian[k], exact->hessian[k], 1e-6, std::abs(exact->hessian[k / 6 * 7]));
    }
  }
}

} // namespace

int main() {
  test_laws_that_are_read();
  test_laws_that_are_not();
  test_pass();
  test_derivatives();
  test_another_law();
  for (const Residual &residual : residuals)
    for (double sd : {1e-4, 1e-3, 1e-2})
      for (bool rough : {false, true})
        test_bound(residual, sd, rough);
  return check::finish();
}
