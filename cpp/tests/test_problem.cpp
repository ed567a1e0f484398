#include "check.hpp"
#include "lawfit/robust.hpp"
#include "lawfit/simd_plain.hpp"
#include "toy_laws.hpp"

#include <cmath>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::Law;
using toys::Point;

namespace {

struct Rig {
  Rig(const Problem &problem, Coordinates coordinates)
      : problem_(problem), work_(problem, coordinates) {}
  const Evaluation &operator()(const Point &theta, int order) {
    finite = problem_.evaluate(theta.data(), order, *out_, work_, cancel_);
    return *out_;
  }
  bool finite = false;

private:
  const Problem &problem_;
  Problem::Workspace work_;
  Cancel cancel_;
  std::unique_ptr<Evaluation> out_ = std::make_unique<Evaluation>();
};

Problem make(const Law &law, const Data &data, const Point &y, const Point &weights, Loss loss,
             double delta, Space space) {
  Cancel cancel;
  const auto free = toys::all(law.theta.size());
  return {law.program, data, y, weights, {loss, delta, space}, law.theta, free, free, cancel};
}

Law named(const std::string &name) {
  for (Law &law : toys::laws())
    if (law.name == name)
      return law;
  throw std::out_of_range(name);
}

Point weights_of(std::size_t rows) {
  Point out;
  for (std::size_t i = 0; i < rows; ++i)
    out.push_back(i % 7 == 0 ? 0.0 : 0.5 + 0.1 * static_cast<double>(i % 11));
  return out;
}

double rho_of(Loss loss, double r, double delta) {
  if (loss == Loss::squared)
    return rho<Loss::squared, simd::Doubles>(r, delta).rho;
  return loss == Loss::huber ? rho<Loss::huber, simd::Doubles>(r, delta).rho
                             : rho<Loss::soft_l1, simd::Doubles>(r, delta).rho;
}

double weight_of(Loss loss, double r, double delta) {
  if (loss == Loss::squared)
    return 1;
  return loss == Loss::huber ? rho<Loss::huber, simd::Doubles>(r, delta).weight
                             : rho<Loss::soft_l1, simd::Doubles>(r, delta).weight;
}

// The objective and the Gauss–Newton matrix by their definitions, slowly.
void definition(const Law &law, const Data &data, const Point &y, const Point &weights, Loss loss,
                double delta, Space space, const Evaluation &got) {
  Cancel cancel;
  const bool log_space = space == Space::log;
  const auto residuals = [&](const Point &theta) {
    Point r = evaluate(law.program, data, theta, cancel);
    for (std::size_t i = 0; i < r.size(); ++i)
      r[i] = log_space ? std::log(r[i] / y[i]) : r[i] - y[i];
    return r;
  };
  const std::size_t p = law.theta.size();
  const Point r = residuals(law.theta);
  std::vector<Point> jacobian;
  for (std::size_t k = 0; k < p; ++k)
    jacobian.push_back(toys::difference(residuals, law.theta, k, toys::step(law, k)));
  double objective = 0;
  Point matrix(p * p);
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double w = weights.empty() ? 1 : weights[i];
    objective += w * rho_of(loss, r[i], delta);
    for (std::size_t j = 0; j < p; ++j)
      for (std::size_t k = 0; k < p; ++k)
        matrix[j * p + k] += w * weight_of(loss, r[i], delta) * jacobian[j][i] * jacobian[k][i];
  }
  CHECK_NEAR(got.objective, objective, 1e-12);
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t k = 0; k < p; ++k)
      CHECK_CLOSE(got.gauss_newton[j * p + k], matrix[j * p + k], 1e-7,
                  std::sqrt(matrix[j * p + j] * matrix[k * p + k]));
}

// Gradient and Hessian against differences of the objective and of the gradient.
void derivatives(const Law &law, const Problem &problem, Coordinates coordinates,
                 const Point &theta) {
  Rig rig(problem, coordinates);
  const Evaluation at = rig(theta, 2);
  CHECK(rig.finite);
  const std::size_t p = theta.size();
  for (std::size_t k = 0; k < p; ++k) {
    const auto jet = [&](const Point &x) {
      const Evaluation &there = rig(x, 1);
      Point out = {there.objective};
      out.insert(out.end(), there.gradient, there.gradient + p);
      return out;
    };
    const Point want = toys::difference(jet, theta, k, 0.05 * toys::step(law, k));
    // Differences of F are exact to a share of F over the parameter.
    CHECK_CLOSE(at.gradient[k], want[0], 1e-7, 1e-3 * at.objective / std::abs(theta[k]));
    for (std::size_t j = 0; j < p; ++j) {
      const double size = std::sqrt(at.gauss_newton[j * p + j] * at.gauss_newton[k * p + k]);
      CHECK_CLOSE(at.hessian[j * p + k], want[1 + j], 1e-7, size);
      CHECK_CLOSE(at.hessian[j * p + k], at.hessian[k * p + j], 1e-13, size);
      CHECK_CLOSE(at.gauss_newton[j * p + k], at.gauss_newton[k * p + j], 1e-13, size);
    }
  }
}

} // namespace

static void test_definition_and_derivatives() {
  for (const char *name : {"annealing", "annealing, free lambda", "chinchilla", "henighan",
                           "kaplan", "exponential decay"}) {
    const Law law = named(name);
    const std::size_t rows = 140;
    const Data data = toys::data_of(law, rows);
    // Residuals keep away from 0 and from Huber's knees, so that differences mean something.
    Point y = toys::noisy(law.program, data, law.theta, 0);
    for (std::size_t i = 0; i < rows; ++i)
      y[i] *= std::exp((i % 2 == 0 ? 1 : -1) * (i % 3 == 0 ? 0.06 : 0.02));
    for (Space space : {Space::log, Space::linear})
      for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1})
        for (double delta : {1e-3, 0.04, 0.7})
          for (const Point &weights : {Point(), weights_of(rows)}) {
            if (space == Space::linear && delta == 0.04)
              continue;
            const Problem problem = make(law, data, y, weights, loss, delta, space);
            Point theta = law.theta;
            Rig natural(problem, Coordinates::natural), centred(problem, Coordinates::centred);
            definition(law, data, y, weights, loss, delta, space, natural(theta, 2));
            const double objective = natural(theta, 0).objective;
            derivatives(law, problem, Coordinates::natural, theta);
            problem.to_centred(theta);
            CHECK_NEAR(centred(theta, 0).objective, objective, 1e-11);
            derivatives(law, problem, Coordinates::centred, theta);
            problem.to_natural(theta);
            for (std::size_t k = 0; k < theta.size(); ++k)
              CHECK_NEAR(theta[k], law.theta[k], 1e-13);
          }
  }
}

// A prediction of p + q·x for one row at x = 1.
static Problem one_row(double y, Loss loss, Space space = Space::log) {
  Formula f;
  auto p = f.parameter(), q = f.parameter();
  p + q *f.column(0);
  Data data;
  data.rows = 1;
  data.columns = {{1.0}};
  Cancel cancel;
  return {f.program(), data,         {y},          {},    {loss, 0.5, space},
          {1, 1},      toys::all(2), toys::all(2), cancel};
}

// Below the guard the objective goes on, twice differentiable, and falls with the prediction.
static void test_predictions_below_the_guard() {
  const double y = 3.2, floor = 1e-3 * y;
  for (Loss loss : {Loss::squared, Loss::huber, Loss::soft_l1}) {
    const Problem problem = one_row(y, loss);
    Rig rig(problem, Coordinates::natural);
    const auto jet = [&](double prediction) {
      const Evaluation &at = rig({prediction, 0}, 2);
      CHECK(rig.finite);
      return Point{at.objective, at.gradient[0], at.hessian[0]};
    };
    const Point below = jet(floor * (1 - 1e-12)), above = jet(floor * (1 + 1e-12));
    for (std::size_t k = 0; k < 3; ++k)
      CHECK_CLOSE(below[k], above[k], 1e-10, k == 2 ? 1 / (floor * floor) : 0.0);
    double last = above[0];
    for (double prediction : {floor / 2, 0.0, -floor, -1.0, -100.0}) {
      const Point at = jet(prediction);
      CHECK(at[0] > last && at[1] < 0);
      last = at[0];
      const Point want = toys::difference([&](const Point &x) { return jet(x[0]); }, {prediction},
                                          0, 1e-3 * floor / std::fmax(std::abs(prediction), 1e-3));
      CHECK_CLOSE(at[1], want[0], 1e-7, 0.0);
      CHECK_CLOSE(at[2], want[1], 1e-6, 1e-3 * std::abs(at[1]) / floor);
    }
  }
}

static void test_linear_space_takes_any_sign() {
  const Problem problem = one_row(-4.0, Loss::squared, Space::linear);
  Rig rig(problem, Coordinates::natural);
  CHECK_NEAR(rig({-1, -1}, 2).objective, 2.0, 1e-15);
  CHECK(rig.finite);
  CHECK_NEAR(rig({-1, -1}, 2).gradient[0], 2.0, 1e-15);
}

// A large sum does not swallow what small blocks add.
static void test_compensated_sum() {
  Formula f;
  f.parameter() + f.column(0);
  const std::size_t blocks = 40000, rows = blocks * block_rows;
  Data data;
  data.rows = rows;
  data.columns = {Point(rows)};
  data.columns[0][0] = 1e8; // its square over 2 is 5e15: half-integers are lost above 2^52
  for (std::size_t i = block_rows; i < rows; i += block_rows)
    data.columns[0][i] = 0.5;
  Cancel cancel;
  const Problem problem(f.program(), data, Point(rows), {}, {Loss::squared, 1, Space::linear}, {0},
                        {true}, {true}, cancel);
  Rig rig(problem, Coordinates::natural);
  CHECK(rig({0}, 0).objective == 5e15 + 0.125 * (blocks - 1));
}

static void test_not_finite() {
  Formula f;
  pow(f.column(0), f.parameter());
  Data data;
  data.rows = 2;
  data.columns = {{2.0, 3.0}};
  Cancel cancel;
  const Problem problem(f.program(), data, {1, 1}, {}, {}, {1}, {true}, {true}, cancel);
  Rig rig(problem, Coordinates::natural);
  for (double theta : {double(NAN), toys::infinity, 1e4})
    for (int order : {0, 1, 2}) {
      rig({theta}, order);
      CHECK(!rig.finite);
    }
  rig({1}, 2);
  CHECK(rig.finite);
}

// A step that takes a lambda out of its range has no value, and throws nothing.
static void test_lambda_out_of_range() {
  const Law law = named("annealing, free lambda");
  const Data data = toys::curves(50);
  const Point y = toys::noisy(law.program, data, law.theta, 0.01);
  const Problem problem = make(law, data, y, {}, Loss::huber, 1e-3, Space::log);
  Rig rig(problem, Coordinates::natural);
  for (double lam : {-0.1, 1.0 + 1e-15, double(NAN), 0.0, 1.0})
    for (int order : {0, 1, 2}) {
      Point theta = law.theta;
      theta[4] = lam;
      rig(theta, order);
      CHECK(rig.finite == (lam == 0 || lam == 1));
    }
}

static void test_refusals() {
  const Law law = named("a line");
  const Data data = toys::columns(5);
  Cancel cancel;
  const auto build = [&](const Point &y, const Point &weights, const std::vector<bool> &free) {
    return Problem(law.program, data, y, weights, {}, law.theta, free, {true, true}, cancel);
  };
  CHECK_THROWS(build(Point(4, 1.0), {}, toys::all(2)), std::invalid_argument);
  CHECK_THROWS(build(Point(5, 1.0), Point(6, 1.0), toys::all(2)), std::invalid_argument);
  CHECK_THROWS(build(Point(5, 1.0), {}, toys::all(2, false)), std::invalid_argument);
  Data none = data;
  none.rows = 0;
  CHECK_THROWS(
      Problem(law.program, none, {}, {}, {}, law.theta, toys::all(2), toys::all(2), cancel),
      std::invalid_argument);
  Formula many;
  auto sum = many.parameter();
  for (int k = 1; k < 33; ++k)
    sum = sum + many.parameter();
  const auto with = [&](const std::vector<bool> &free) {
    return Problem(many.program(), data, Point(5, 1.0), {}, {}, Point(33), free, free, cancel);
  };
  CHECK_THROWS(with(toys::all(33)), std::invalid_argument);
  std::vector<bool> most = toys::all(33);
  most[4] = false;
  CHECK(with(most).parameters() == 32);
}

// The held ones keep the values given; order 0 and 1 give what order 2 gives.
static void test_held_parameters_and_orders() {
  const Law law = named("chinchilla");
  const Data data = toys::columns(200);
  const Point y = toys::noisy(law.program, data, law.theta, 0.05);
  Cancel cancel;
  const std::vector<bool> free = {true, true, false, true, false};
  const Problem held(law.program, data, y, {}, {}, law.theta, free, toys::all(3), cancel),
      whole = make(law, data, y, {}, Loss::huber, 1e-3, Space::log);
  CHECK(held.parameters() == 3 && whole.parameters() == 5);
  Rig part(held, Coordinates::natural), all(whole, Coordinates::natural);
  const Evaluation &got = part({1.7, 406, 410}, 2), &want = all(law.theta, 2);
  CHECK_NEAR(got.objective, want.objective, 1e-12);
  const std::size_t index[] = {0, 1, 3};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_NEAR(got.gradient[i], want.gradient[index[i]], 1e-9);
    for (std::size_t j = 0; j < 3; ++j)
      CHECK_NEAR(got.hessian[3 * i + j], want.hessian[5 * index[i] + index[j]], 1e-9);
  }
  const Evaluation second = all(law.theta, 2), first = all(law.theta, 1),
                   zeroth = all(law.theta, 0);
  CHECK(first.objective == second.objective && zeroth.objective == second.objective);
  CHECK(std::equal(first.gradient, first.gradient + 5, second.gradient));
  CHECK(std::equal(first.gauss_newton, first.gauss_newton + 25, second.gauss_newton));
}

int main() {
  test_definition_and_derivatives();
  test_predictions_below_the_guard();
  test_linear_space_takes_any_sign();
  test_compensated_sum();
  test_not_finite();
  test_lambda_out_of_range();
  test_refusals();
  test_held_parameters_and_orders();
  return check::finish();
}
