#include "check.hpp"
#include "lawfit/multistart.hpp"
#include "toy_laws.hpp"

#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::Law;
using toys::Point;

namespace {

Problem make(const Law &law, const Data &data, const std::vector<bool> &logarithmic,
             bool may_centre = true) {
  Cancel cancel;
  ProblemOptions options{Loss::squared, 1, Space::linear, logarithmic};
  Point y = evaluate(law.program, data, law.theta, cancel);
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] *= 1 + 0.05 * std::sin(static_cast<double>(i));
  const auto free = toys::all(law.theta.size());
  return {law.program, data,      y,    {},
          options,     law.theta, free, toys::all(law.theta.size(), may_centre),
          cancel};
}

// Those of a law that are positive.
std::vector<bool> positive(const Law &law) {
  std::vector<bool> out;
  for (double value : law.theta)
    out.push_back(value > 0);
  return out;
}

Law henighan() {
  return toys::law("henighan", {1.7, 8e13, 0.07}, true, [](Formula &f, std::vector<Expression> &p) {
    p[0] + pow(p[1] / f.column(0), p[2]);
  });
}

Law kaplan() {
  return toys::law("kaplan", {8.8e13, 0.076, 5.4e13, 0.095}, false,
                   [](Formula &f, std::vector<Expression> &p) {
                     pow(pow(p[0] / f.column(0), p[1] / p[3]) + p[2] / f.column(1), p[3]);
                   });
}

} // namespace

// There and back, alone and among centred parameters whose scale depends on a logarithm.
static void test_round_trip() {
  for (const Law &law : toys::laws()) {
    const Problem problem = make(law, toys::data_of(law, 60), positive(law));
    Point theta = law.theta;
    problem.to_centred(theta);
    for (std::size_t k = 0; k < theta.size(); ++k)
      if (problem.evaluator().is_logarithmic(static_cast<int>(k))) {
        CHECK(!problem.linear()[k]);
        CHECK_CLOSE(theta[k], std::log(law.theta[k]), 1e-15, 1.0);
      }
    problem.to_natural(theta);
    for (std::size_t k = 0; k < theta.size(); ++k)
      CHECK_NEAR(theta[k], law.theta[k], 1e-13);
  }
}

// The same value as in natural coordinates, and derivatives that are those of differences.
static void test_derivatives() {
  for (const Law &law : toys::laws()) {
    const int before = check::failures;
    const Problem problem = make(law, toys::data_of(law, 150), positive(law));
    toys::ProblemObjective natural(problem), centred(problem, Coordinates::centred);
    const auto at = std::make_unique<Evaluation>(), there = std::make_unique<Evaluation>();
    CHECK(natural.evaluate(law.theta.data(), 0, *at));
    Point theta = law.theta;
    problem.to_centred(theta);
    CHECK(centred.evaluate(theta.data(), 0, *there));
    CHECK_CLOSE(there->objective, at->objective, 1e-11, 1.0);
    CHECK(centred.evaluate(theta.data(), 2, *at));
    const std::size_t p = theta.size();
    for (std::size_t k = 0; k < p; ++k) {
      const auto jet = [&](const Point &x) {
        centred.evaluate(x.data(), 1, *there);
        Point out = {there->objective};
        out.insert(out.end(), there->gradient, there->gradient + p);
        return out;
      };
      const double step = 0.05 * toys::step(law, k) / std::fmax(1.0, std::abs(theta[k]));
      const Point want = toys::difference(jet, theta, k, step);
      const double size = at->gauss_newton[k * p + k];
      CHECK_CLOSE(at->gradient[k], want[0], 1e-6, std::sqrt(size * at->objective));
      for (std::size_t j = 0; j < p; ++j)
        CHECK_CLOSE(at->hessian[j * p + k], want[1 + j], 1e-6,
                    std::sqrt(size * at->gauss_newton[j * p + j]));
    }
    if (check::failures != before)
      std::printf("  in '%s'\n", law.name.c_str());
  }
}

// What is centred or linear stays as it is; what is not asked for does too.
static void test_which() {
  const Data data = toys::columns(40);
  const auto logarithms = [&](const Law &law, bool may_centre) {
    const Problem problem = make(law, data, toys::all(law.theta.size()), may_centre);
    std::vector<bool> out;
    for (int k = 0; k < problem.parameters(); ++k)
      out.push_back(problem.evaluator().is_logarithmic(k));
    return out;
  };
  using Flags = std::vector<bool>;
  CHECK((logarithms(henighan(), true) == Flags{false, false, true}));
  CHECK((logarithms(henighan(), false) == Flags{false, true, true}));
  CHECK((logarithms(kaplan(), true) == Flags{true, true, true, true}));
  const Problem none = make(kaplan(), data, {});
  for (int k = 0; k < 4; ++k)
    CHECK(!none.evaluator().is_logarithmic(k));
  CHECK_THROWS(make(kaplan(), data, {true}), std::invalid_argument);
}

// A magnitude that starts know nothing of, and one that its bounds keep from the truth.
static void test_multistart() {
  const Law law = kaplan();
  const Data data = toys::columns(80);
  Cancel cancel;
  const auto free = toys::all(4);
  const Point y = evaluate(law.program, data, law.theta, cancel);
  const Problem problem(law.program, data, y, {}, {Loss::huber, 1e-3, Space::log, free}, law.theta,
                        free, free, cancel);
  using Kind = StartRange::Kind;
  MultistartOptions options;
  options.starts = 16;
  options.ranges = {
      {Kind::log, 1e6, 1e10}, {Kind::log, 0.03, 1}, {Kind::log, 1e8, 1e12}, {Kind::log, 0.03, 1}};
  SolverOptions solver = toys::unbounded(4);
  solver.lower = {0, 0, 0, 0};
  const MultistartSummary found = multistart(problem, solver, options, cancel);
  CHECK(found.best.status == Status::converged);
  for (std::size_t k = 0; k < 4; ++k)
    CHECK_NEAR(found.theta[k], law.theta[k], 1e-9);

  solver.upper[0] = 3e13;
  CHECK(multistart(problem, solver, options, cancel).theta[0] == 3e13);
  solver.upper[0] = toys::infinity;
  solver.lower[2] = 7e13;
  CHECK(multistart(problem, solver, options, cancel).theta[2] == 7e13);
}

int main() {
  test_round_trip();
  test_derivatives();
  test_which();
  test_multistart();
  return check::finish();
}
