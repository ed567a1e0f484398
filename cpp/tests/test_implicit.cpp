#include "check.hpp"
#include "lawfit/implicit.hpp"
#include "toys.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace lawfit;
using toys::Expression;
using toys::Formula;
using toys::Point;

namespace {

struct ImplicitLaw {
  std::string name;
  Program program;
  Point theta;
  std::function<double(const Data &, std::size_t, const Point &, double)> g; // of the unknown
};

using Build = std::function<void(Formula &, std::vector<Expression> &, Expression)>;

ImplicitLaw law(const char *name, const Point &theta, decltype(ImplicitLaw::g) g,
                const Build &build) {
  Formula f;
  std::vector<Expression> p;
  for (std::size_t k = 0; k < theta.size(); ++k)
    p.push_back(f.parameter());
  build(f, p, f.emit(Op::unknown));
  return {name, f.program(), theta, std::move(g)};
}

// Columns as in toys::columns: N, D, a ratio in (0, 1), signed noise.
std::vector<ImplicitLaw> laws() {
  using P = std::vector<Expression>;
  return {
      law(
          "a falling term", {0.7, 1.3},
          [](const Data &d, std::size_t i, const Point &p, double f) {
            return p[0] * d.columns[2][i] + p[1] * std::exp(-f);
          },
          [](Formula &f, P &p, Expression u) { p[0] * f.column(2) + p[1] * exp(-u); }),
      law(
          "a square root", {5.0, 0.4},
          [](const Data &d, std::size_t i, const Point &p, double f) {
            return p[0] * std::pow(d.columns[0][i], -p[1]) / f;
          },
          [](Formula &f, P &p, Expression u) { p[0] * pow(f.column(0), -p[1]) / u; }),
      law(
          "a value far from 1", {3.0, 0.2},
          [](const Data &d, std::size_t i, const Point &p, double f) {
            return p[0] * d.columns[1][i] + p[1] * std::sqrt(f);
          },
          [](Formula &f, P &p, Expression u) { p[0] * f.column(1) + p[1] * apply(Op::sqrt, u); }),
      law(
          "a domain that begins above 1", {4.0, 0.5, 2.5},
          [](const Data &d, std::size_t i, const Point &p, double f) {
            return p[0] + d.columns[2][i] - p[1] * std::log(f - p[2]);
          },
          [](Formula &f, P &p, Expression u) {
            p[0] + f.column(2) - p[1] * apply(Op::log, u - p[2]);
          }),
      law(
          "Kaplan's loss by size and batch", {8.8e13, 0.076, 2.1e8, 0.21, 0.76},
          [](const Data &d, std::size_t i, const Point &p, double f) {
            const double critical = p[2] / std::pow(f, 1 / p[3]);
            return std::pow(p[0] / d.columns[0][i], p[1]) +
                   std::pow(3e6 * (1 + critical / (1e-5 * d.columns[1][i])) / d.columns[1][i],
                            p[4]);
          },
          [](Formula &f, P &p, Expression u) {
            const auto critical = p[2] / pow(u, f.number(1) / p[3]);
            const auto batch = 1e-5 * f.column(1);
            pow(p[0] / f.column(0), p[1]) + pow(3e6 * (critical / batch + 1) / f.column(1), p[4]);
          }),
      law(
          "the unknown alone on one side", {1.2},
          [](const Data &d, std::size_t i, const Point &p, double) {
            return p[0] + d.columns[2][i];
          },
          [](Formula &f, P &p, Expression u) { p[0] + f.column(2) + 0.0 * u; }),
      law(
          "the unknown used by nothing", {1.2},
          [](const Data &d, std::size_t i, const Point &p, double) {
            return p[0] + d.columns[2][i];
          },
          [](Formula &f, P &p, Expression) { p[0] + f.column(2); }),
  };
}

Point values(const ImplicitLaw &law, const Data &data, const Point &theta) {
  Cancel cancel;
  return evaluate(law.program, data, theta, cancel);
}

Problem problem_of(const ImplicitLaw &law, const Data &data, const Point &y) {
  Cancel cancel;
  const auto free = toys::all(law.theta.size());
  return {law.program, data, y,    {},    {Loss::squared, 1, Space::linear},
          law.theta,   free, free, cancel};
}

Point predict(const Problem &problem, const Point &theta) {
  Cancel cancel;
  Problem::Workspace work(problem, Coordinates::natural);
  Point f(problem.rows());
  problem.predict(theta.data(), f.data(), work, cancel);
  return f;
}

Data some_rows(const Data &data, std::size_t first, std::size_t rows) {
  Data out;
  out.rows = rows;
  for (const auto &column : data.columns)
    out.columns.emplace_back(column.begin() + static_cast<std::ptrdiff_t>(first),
                             column.begin() + static_cast<std::ptrdiff_t>(first + rows));
  return out;
}

} // namespace

// f − g(f) changes its sign, or is 0, within a few ulp of f.
static void test_roots() {
  const Data data = toys::columns(300);
  for (const ImplicitLaw &law : laws()) {
    const Point f = values(law, data, law.theta);
    const int before = check::failures;
    for (std::size_t i = 0; i < data.rows; ++i) {
      const double reach = 4e-15 * f[i];
      const auto h = [&](double x) { return x - law.g(data, i, law.theta, x); };
      CHECK(f[i] > 0 && h(f[i] - reach) <= 0 && h(f[i] + reach) >= 0);
    }
    if (check::failures != before)
      std::printf("  in '%s'\n", law.name.c_str());
  }
}

// Neither the rows beside it nor what was solved before matter to a row.
static void test_rows_stand_alone() {
  const Data data = toys::columns(block_rows + 50);
  for (const ImplicitLaw &law : laws()) {
    const Point f = values(law, data, law.theta);
    for (std::size_t first : {std::size_t{1}, std::size_t{77}, block_rows - 1}) {
      const Point part = values(law, some_rows(data, first, 40), law.theta);
      for (std::size_t i = 0; i < part.size(); ++i)
        CHECK(part[i] == f[first + i]);
    }
    const Problem problem = problem_of(law, data, f);
    Point other = law.theta;
    other[0] *= 1.1;
    const Point once = predict(problem, law.theta);
    predict(problem, other);
    CHECK(predict(problem, law.theta) == once);
  }
}

static void test_derivatives() {
  const Data data = toys::columns(150);
  for (const ImplicitLaw &law : laws()) {
    const int before = check::failures;
    const std::size_t p = law.theta.size();
    Point y = values(law, data, law.theta);
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] *= 1 + 0.1 * std::sin(static_cast<double>(i));
    const Problem problem = problem_of(law, data, y);
    CHECK(problem.evaluator().name() == std::string("implicit"));
    CHECK(problem.linear() == toys::all(p, false));
    toys::ProblemObjective objective(problem);
    const auto at = std::make_unique<Evaluation>(), there = std::make_unique<Evaluation>();
    CHECK(objective.evaluate(law.theta.data(), 2, *at));
    const auto model = [&](const Point &theta) { return predict(problem, theta); };
    const auto gradient = [&](const Point &theta) {
      objective.evaluate(theta.data(), 1, *there);
      return Point(there->gradient, there->gradient + p);
    };
    std::vector<Point> jacobian;
    for (std::size_t k = 0; k < p; ++k)
      jacobian.push_back(toys::difference(model, law.theta, k));
    const Point f = predict(problem, law.theta);
    for (std::size_t j = 0; j < p; ++j) {
      double slope = 0, size = 0;
      for (std::size_t i = 0; i < data.rows; ++i) {
        slope += (f[i] - y[i]) * jacobian[j][i];
        size += std::abs((f[i] - y[i]) * jacobian[j][i]);
      }
      CHECK_CLOSE(at->gradient[j], slope, 1e-7, size);
      const Point second = toys::difference(gradient, law.theta, j);
      for (std::size_t k = 0; k < p; ++k) {
        double gram = 0;
        for (std::size_t i = 0; i < data.rows; ++i)
          gram += jacobian[j][i] * jacobian[k][i];
        const double scale = std::sqrt(at->gauss_newton[j * p + j] * at->gauss_newton[k * p + k]);
        CHECK_CLOSE(at->gauss_newton[j * p + k], gram, 1e-7, scale);
        CHECK_CLOSE(at->hessian[j * p + k], second[k], 1e-7, scale);
        CHECK_CLOSE(at->hessian[j * p + k], at->hessian[k * p + j], 1e-13, scale);
      }
    }
    if (check::failures != before)
      std::printf("  in '%s'\n", law.name.c_str());
  }
}

// No root, a jump through 0, a root below 0 alone: no value.
static void test_no_value() {
  const Data data = toys::columns(3);
  const std::vector<Build> builds = {
      [](Formula &f, std::vector<Expression> &p, Expression u) { u + p[0] + 0.0 * f.column(2); },
      [](Formula &f, std::vector<Expression> &p, Expression u) {
        u - (u - f.number(2)) / apply(Op::abs, u - f.number(2)) * p[0] + 0.0 * f.column(2);
      },
      [](Formula &f, std::vector<Expression> &p, Expression u) {
        -(p[0]) + 0.5 * u + 0.0 * f.column(2);
      },
      [](Formula &f, std::vector<Expression> &p, Expression u) {
        apply(Op::log, -u) * p[0] + 0.0 * f.column(2);
      },
  };
  for (const Build &build : builds) {
    const ImplicitLaw none = law("none", {1.0}, nullptr, build);
    for (double f : values(none, data, none.theta))
      CHECK(std::isnan(f));
    const Problem problem = problem_of(none, data, {1, 2, 3});
    toys::ProblemObjective objective(problem);
    const auto at = std::make_unique<Evaluation>();
    CHECK(!objective.evaluate(none.theta.data(), 1, *at));
  }
}

// A law without the unknown is what it was; one with it is in nothing linear.
static void test_program() {
  Formula f;
  auto a = f.parameter();
  a *f.column(2);
  CHECK(!f.program().is_implicit());
  a *f.emit(Op::unknown);
  CHECK(f.program().is_implicit());
  CHECK(f.program().linear_parameters({true}) == std::vector<bool>{false});
  f.s2(f.emit(Op::unknown));
  CHECK_THROWS(f.program(), std::invalid_argument);
  CHECK_THROWS(Program({{Op::unknown, 1, 0}}, {}, 0, 0), std::invalid_argument);
}

int main() {
  test_roots();
  test_rows_stand_alone();
  test_derivatives();
  test_no_value();
  test_program();
  return check::finish();
}
