// What the core's tests share: laws written as formulas, data to go with them, differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/problem_objective.hpp"

namespace toys {

using namespace lawfit;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Collects the instructions of one formula; the expression made last is the law's value.
class Formula {
public:
  class Expression {
  public:
    Expression(Formula &formula, int at) : formula_(&formula), at_(at) {}
    Formula &formula() const { return *formula_; }
    int at() const { return at_; }

  private:
    Formula *formula_;
    int at_;
  };

  Formula() = default;
  Formula(const Formula &) = delete;
  Formula &operator=(const Formula &) = delete;

  Expression emit(Op op, int a = 0, int b = 0) {
    code_.push_back({op, a, b});
    return {*this, static_cast<int>(code_.size()) - 1};
  }
  Expression number(double value) {
    constants_.push_back(value);
    return emit(Op::constant, static_cast<int>(constants_.size()) - 1);
  }
  Expression parameter() { return emit(Op::parameter, parameters_++); }
  Expression column(int index) {
    columns_ = std::max(columns_, index + 1);
    return emit(Op::column, index);
  }
  Expression s1() { return emit(Op::s1); }
  Expression s2(Expression lam) { return emit(Op::s2, lam.at()); }
  Program program() const { return {code_, constants_, parameters_, columns_}; }

private:
  std::vector<Instruction> code_;
  std::vector<double> constants_;
  int parameters_ = 0, columns_ = 0;
};

using Expression = Formula::Expression;

inline Expression apply(Op op, Expression x) { return x.formula().emit(op, x.at()); }
inline Expression apply(Op op, Expression x, Expression y) {
  return x.formula().emit(op, x.at(), y.at());
}
inline Expression operator-(Expression x) { return apply(Op::neg, x); }
inline Expression operator+(Expression x, Expression y) { return apply(Op::add, x, y); }
inline Expression operator-(Expression x, Expression y) { return apply(Op::sub, x, y); }
inline Expression operator*(Expression x, Expression y) { return apply(Op::mul, x, y); }
inline Expression operator/(Expression x, Expression y) { return apply(Op::div, x, y); }
inline Expression operator+(Expression x, double y) { return x + x.formula().number(y); }
inline Expression operator*(double x, Expression y) { return y.formula().number(x) * y; }
inline Expression pow(Expression x, Expression y) { return apply(Op::pow, x, y); }
inline Expression pow(Expression x, double y) { return pow(x, x.formula().number(y)); }
inline Expression exp(Expression x) { return apply(Op::exp, x); }

inline std::vector<bool> all(std::size_t n, bool value = true) {
  return std::vector<bool>(n, value);
}

// Columns: 0 parameters N, 1 tokens D, 2 a ratio in (0, 1), 3 signed noise.
inline Data columns(std::size_t rows, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  Data data;
  data.rows = rows;
  data.columns.resize(4);
  for (std::size_t i = 0; i < rows; ++i) {
    data.columns[0].push_back(1e6 * std::pow(1e3, uniform(random)));
    data.columns[1].push_back(1e8 * std::pow(1e3, uniform(random)));
    data.columns[2].push_back(0.01 + 0.98 * uniform(random));
    data.columns[3].push_back(2 * uniform(random) - 1);
  }
  return data;
}

// A stretch of a schedule as the constructors of Python make it.
inline Piece piece(Shape shape, std::int64_t steps, double start, double end) {
  Piece out;
  out.shape = shape;
  out.steps = out.span = steps;
  out.start = start;
  out.end = end;
  return out;
}

// Two curves, one under a cosine and one under two stages, with rows of both.
inline Data curves(std::size_t rows) {
  const auto cosine = std::make_shared<const Schedule>(Schedule::from_pieces(
      {piece(Shape::linear, 100, 0, 3e-4), piece(Shape::cosine, 5000, 3e-4, 3e-5)}, 100));
  const auto stages = std::make_shared<const Schedule>(Schedule::from_pieces(
      {piece(Shape::linear, 100, 0, 3e-4), piece(Shape::constant, 3000, 3e-4, 3e-4),
       piece(Shape::constant, 2000, 1e-4, 1e-4)},
      100));
  Data data;
  data.rows = rows;
  const std::size_t half = rows / 2;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t k = i < half ? i : i - half, n = i < half ? half : rows - half;
    data.steps.push_back(static_cast<std::int64_t>(200 + (k * 4800) / n));
  }
  if (half > 0)
    data.tracks.push_back({cosine, 0, half});
  data.tracks.push_back({stages, half, rows});
  return data;
}

// f' by k, one entry of f after the other: differences of sixth order, good to some 1e-10 of f's
// size over x where f is smooth over a few percent of x.
using Point = std::vector<double>;
inline Point difference(const std::function<Point(const Point &)> &f, const Point &at,
                        std::size_t k, double step = 2e-3) {
  const double h = step * std::fmax(std::abs(at[k]), 1e-3);
  const double weights[3] = {45.0 / 60, -9.0 / 60, 1.0 / 60};
  Point sum;
  for (int j = 1; j <= 3; ++j) {
    Point low = at, high = at;
    low[k] -= j * h;
    high[k] += j * h;
    const Point below = f(low), above = f(high);
    sum.resize(below.size());
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += weights[j - 1] * (above[i] - below[i]) / h;
  }
  return sum;
}

inline double largest(const Point &values) {
  double out = 0;
  for (double value : values)
    out = std::fmax(out, std::abs(value));
  return out;
}

// What a problem as the solver sees it needs.
struct ObjectiveRoom {
  ObjectiveRoom(const Problem &problem, Coordinates coordinates) : work(problem, coordinates) {}
  Problem::Workspace work;
  Cancel cancel;
};
// That with room of its own.
class ProblemObjective : private ObjectiveRoom, public lawfit::ProblemObjective {
public:
  explicit ProblemObjective(const Problem &problem, Coordinates coordinates = Coordinates::natural)
      : ObjectiveRoom(problem, coordinates), lawfit::ProblemObjective(problem, work, cancel) {}
};

inline SolverOptions unbounded(int p) {
  SolverOptions options;
  options.lower.assign(static_cast<std::size_t>(p), -infinity);
  options.upper.assign(static_cast<std::size_t>(p), infinity);
  return options;
}

// The law's values with noise that is a product: y_i = f_i·exp(sd·z_i).
inline Point noisy(const Program &program, const Data &data, const Point &theta, double sd,
                   std::uint64_t seed = 5) {
  Cancel cancel;
  Point y = evaluate(program, data, theta, cancel);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (double &value : y)
    value *= std::exp(sd * normal(random));
  return y;
}

} // namespace toys
