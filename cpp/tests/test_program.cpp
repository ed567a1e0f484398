#include "check.hpp"
#include "lawfit/program.hpp"
#include "lawfit/rules.hpp"
#include "toys.hpp"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

using namespace lawfit;
using toys::Formula;
using toys::Point;

namespace {

using Code = std::vector<Instruction>;

Divided divided(const Program &program, const Data &data, const Point &theta,
                const std::vector<bool> &free) {
  Cancel cancel;
  return divide(program, data, theta, free, cancel);
}

Point values(const Program &program, const Data &data, const Point &theta) {
  Cancel cancel;
  return evaluate(program, data, theta, cancel);
}

} // namespace

static void test_refusals() {
  const auto refuses = [](const Code &code) {
    CHECK_THROWS(Program(code, {1.0}, 2, 1), std::invalid_argument);
  };
  refuses({});
  refuses({{Op::constant, 1}});
  refuses({{Op::constant, -1}});
  refuses({{Op::external, 0, -1}});
  refuses({{Op::parameter, 0}, {Op::external, 0, 1}, {Op::external, 0, 0}, {Op::add, 1, 2}});
  refuses({{Op::parameter, 2}});
  refuses({{Op::parameter, -1}});
  refuses({{Op::column, 1}});
  refuses({{Op::column, -1}});
  refuses({{Op::neg, 0}});                                 // itself
  refuses({{Op::parameter, 0}, {Op::exp, 2}});             // a later one
  refuses({{Op::parameter, 0}, {Op::exp, -1}});            // none
  refuses({{Op::parameter, 0}, {Op::add, 0, 1}});          // itself, on the right
  refuses({{Op::parameter, 0}, {Op::add, 0, -1}});         // none, on the right
  refuses({{Op::s2, 0}});                                  // S2 of itself
  refuses({{Op::column, 0}, {Op::s2, 0}});                 // S2 of a column
  refuses({{Op::s1, 0}, {Op::s2, 0}});                     // S2 of an area
  refuses({{Op::parameter, 0}, {Op::s2, 0}, {Op::s2, 1}}); // S2 of S2
  refuses({{Op::column, 0}, {Op::exp, 0}, {Op::s2, 1}});   // S2 of what a column made
  refuses({{Op::parameter, 0}, {Op::column, 0}, {Op::mul, 0, 1}, {Op::s2, 2}});
  refuses({{static_cast<Op>(op_count), 0}});
  refuses({{static_cast<Op>(-1), 0}});

  const Program fine({{Op::parameter, 1}, {Op::expit, 0}, {Op::s2, 1}, {Op::s1}, {Op::add, 2, 3}},
                     {}, 2, 0);
  CHECK(fine.uses_schedule() && fine.code().size() == 5 && fine.parameters() == 2);
  CHECK(!Program({{Op::column, 0}}, {}, 0, 1).uses_schedule());
}

static void test_linear_parameters() {
  using Flags = std::vector<bool>;
  {
    Formula f;
    auto e = f.parameter(), a = f.parameter(), alpha = f.parameter(), b = f.parameter();
    e + a *pow(f.column(0), -alpha) - b / f.column(1);
    CHECK(f.program().linear_parameters(toys::all(4)) == Flags({true, true, false, true}));
    // Held parameters are not linear ones, and alpha alone is still an exponent.
    CHECK(f.program().linear_parameters({true, false, true, false}) ==
          Flags({true, false, false, false}));
  }
  { // In a product of two the first is taken, unless it is held.
    Formula f;
    auto a = f.parameter(), b = f.parameter();
    a * b * f.column(0);
    CHECK(f.program().linear_parameters(toys::all(2)) == Flags({true, false}));
    CHECK(f.program().linear_parameters({false, true}) == Flags({false, true}));
  }
  { // Below a division, in a function, in S2.
    Formula f;
    auto a = f.parameter(), b = f.parameter(), c = f.parameter(), lam = f.parameter();
    a *f.s1() / b - exp(c) * f.s2(lam);
    CHECK(f.program().linear_parameters(toys::all(4)) == Flags({true, false, false, false}));
  }
  {
    Formula f;
    auto a = f.parameter(), b = f.parameter();
    toys::apply(Op::maximum, -(a + b), f.column(0));
    CHECK(f.program().linear_parameters(toys::all(2)) == Flags({false, false}));
  }
  { // A square is not linear; neither is what stands twice in a product.
    Formula f;
    auto a = f.parameter(), b = f.parameter();
    a *(a + b);
    CHECK(f.program().linear_parameters(toys::all(2)) == Flags({false, true}));
  }
}

static void test_division() {
  Formula f;
  auto a = f.parameter(), alpha = f.parameter(), k = f.parameter();
  auto n = f.column(0), d = f.column(1);
  auto compute = 6.0 * (n * d);  // data alone
  auto rate = exp(-(alpha * k)); // parameters alone
  a *pow(compute, -alpha) + rate + 2.0 * f.number(3.0);
  const Data data = toys::columns(50);
  const Program program = f.program();

  const Divided all = divided(program, data, {2, 0.1, 3}, toys::all(3));
  CHECK(all.scalars.parameters() == 3 && all.functions.empty());
  CHECK(all.nodes.size() == 4); // pow, a·, + rate, + 6
  bool hoisted = false;
  for (const Point &column : all.columns)
    hoisted = hoisted || column[7] == 6.0 * (data.columns[0][7] * data.columns[1][7]);
  CHECK(hoisted);

  // With alpha held the power itself depends on data alone; the other two are left.
  const Divided some = divided(program, data, {2, 0.1, 3}, {true, false, true});
  CHECK(some.scalars.parameters() == 2 && some.nodes.size() == 3);

  // Values are those of the formula, whatever is free.
  const Point got = values(program, data, {2, 0.1, 3});
  for (std::size_t i = 0; i < data.rows; ++i)
    CHECK_NEAR(got[i],
               2 * std::pow(6 * data.columns[0][i] * data.columns[1][i], -0.1) +
                   std::exp(-0.1 * 3) + 6,
               1e-14);
}

static void test_laws_without_rows() {
  const Data data = toys::columns(3);
  for (const double theta : {2.0, -1.5}) {
    Formula constant, parameter, column;
    constant.number(7.0);
    const auto a = parameter.parameter();
    a *a;
    column.parameter();
    column.column(3);
    CHECK(values(constant.program(), data, {}) == Point({7, 7, 7}));
    CHECK(values(parameter.program(), data, {theta}) == Point(3, theta * theta));
    CHECK(values(column.program(), data, {theta}) == data.columns[3]);
    // Such a law still ends in a node, so evaluators need no case of their own.
    CHECK(divided(parameter.program(), data, {theta}, {true}).nodes.size() == 1);
    CHECK(divided(column.program(), data, {theta}, {true}).nodes.size() == 1);
  }
}

static void test_areas_in_a_law() {
  const Data data = toys::curves(40);
  Formula f;
  auto lam = f.parameter(), c = f.parameter();
  f.s1() - c *f.s2(lam);
  const Program program = f.program();
  Point s1(data.rows), s2(data.rows);
  Cancel cancel;
  data.areas(0.99, s1.data(), s2.data(), nullptr, nullptr, cancel);
  const Point got = values(program, data, {0.99, 3});
  for (std::size_t i = 0; i < data.rows; ++i)
    CHECK_NEAR(got[i], s1[i] - 3 * s2[i], 1e-15);
  CHECK(divided(program, data, {0.99, 3}, {true, true}).functions.size() == 1);
  CHECK(divided(program, data, {0.99, 3}, {false, true}).functions.empty());
}

// Gradient and Hessian of one operation, of inner functions of both parameters.
static void differences(Op op, double x, double y) {
  ScalarProgram program(2);
  const int a = program.parameter(0), b = program.parameter(1);
  // u = x + (sin xy - sin x0·y0)/8 and v = y + (x² - x0²)/8: x and y at the point, bent around it.
  const auto bent = [&](int line, int curve, double there) {
    const int bend = program.apply(Op::sub, curve, program.constant(there));
    return program.apply(Op::add, line, program.apply(Op::mul, bend, program.constant(0.125)));
  };
  const int u = bent(a, program.apply(Op::sin, program.apply(Op::mul, a, b)), std::sin(x * y));
  const int v = bent(b, program.apply(Op::mul, a, a), x * x);
  const auto node = static_cast<std::size_t>(program.apply(op, u, v));
  Point scratch(program.scratch());
  const auto jet = [&](const Point &theta) {
    const ScalarProgram::Values at = program.evaluate(theta.data(), 2, scratch.data());
    Point out = {at.value[node]};
    out.insert(out.end(), at.gradient + 2 * node, at.gradient + 2 * node + 2);
    out.insert(out.end(), at.hessian + 4 * node, at.hessian + 4 * node + 4);
    return out;
  };
  const Point at = jet({x, y});
  for (std::size_t k = 0; k < 2; ++k) {
    const Point want = toys::difference(jet, {x, y}, k);
    CHECK_CLOSE(at[1 + k], want[0], 1e-9, 1e-2);
    CHECK_CLOSE(at[3 + k], want[1], 1e-8, 1e-2);
    CHECK_CLOSE(at[5 + k], want[2], 1e-8, 1e-2);
  }
  CHECK_CLOSE(at[4], at[5], 1e-14, 1.0);
  // The value is the operation's own.
  double value = NAN;
  visit_unary(op, [&](auto rule) { value = rule.value(x); });
  visit_binary(op, [&](auto rule) { value = rule.value(x, y); });
  CHECK_CLOSE(at[0], value, 1e-14, 1e-14);
}

static void test_every_operation() {
  const double positive[][2] = {{0.3, 0.7}, {1.2, 2.2}, {0.9, -1.3}, {4.1, 0.6}};
  const double any[][2] = {{-0.4, 0.8}, {-2.1, -0.6}};
  for (int k = static_cast<int>(Op::add); k < op_count; ++k) {
    const Op op = static_cast<Op>(k);
    for (const auto &[x, y] : positive)
      differences(op, x, y);
    if (op != Op::pow && op != Op::log && op != Op::sqrt && op != Op::log1p)
      for (const auto &[x, y] : any)
        differences(op, x, y);
  }
  differences(Op::logaddexp, 1.0, 1.0);
  differences(Op::log1p, -0.4, 0.5);
  differences(Op::expit, -12.0, 1.0);
}

// Where a rule has a case of its own.
static void test_edges() {
  CHECK(logaddexp(-toys::infinity, -toys::infinity) == -toys::infinity);
  CHECK(logaddexp(toys::infinity, 1.0) == toys::infinity);
  CHECK_NEAR(logaddexp(1000.0, 1000.0), 1000 + std::log(2.0), 1e-15);
  CHECK(expit(-800.0) >= 0 && expit(-800.0) < 1e-300 && expit(800.0) == 1);
  const BinaryPartials square = Rule<Op::pow>::partials(0, 2, 0);
  CHECK(square.x == 0 && square.y == 0 && square.xx == 2);
  const BinaryPartials line = Rule<Op::pow>::partials(0, 1, 0);
  CHECK(line.x == 1 && line.xx == 0);
  CHECK(std::isnan(Rule<Op::minimum>::value(NAN, 1)));
  CHECK(std::isnan(Rule<Op::minimum>::value(1, NAN)));
  CHECK(std::isnan(Rule<Op::maximum>::value(NAN, 1)));
  CHECK(std::isnan(Rule<Op::maximum>::value(1, NAN)));

  // A constant exponent of a negative base has derivatives all the same.
  ScalarProgram cube(1);
  const auto node =
      static_cast<std::size_t>(cube.apply(Op::pow, cube.parameter(0), cube.constant(3)));
  Point scratch(cube.scratch());
  const double theta = -2;
  const ScalarProgram::Values at = cube.evaluate(&theta, 2, scratch.data());
  CHECK(at.value[node] == -8 && at.gradient[node] == 12 && at.hessian[node] == -12);
}

static void test_scalars_are_shared() {
  ScalarProgram program(2);
  const int a = program.parameter(0), one = program.constant(1), zero = program.constant(0);
  CHECK(program.parameter(0) == a && program.constant(1) == one);
  CHECK(program.apply(Op::mul, a, one) == a && program.apply(Op::mul, one, a) == a);
  CHECK(program.apply(Op::div, a, one) == a && program.apply(Op::pow, a, one) == a);
  CHECK(program.apply(Op::add, a, zero) == a && program.apply(Op::add, zero, a) == a);
  CHECK(program.apply(Op::sub, a, zero) == a);
  const int square = program.apply(Op::mul, a, a);
  CHECK(program.apply(Op::mul, a, a) == square);
  CHECK(program.is_constant(program.apply(Op::exp, one)));
  CHECK_NEAR(program.constant_value(program.apply(Op::exp, one)), std::exp(1.0), 1e-15);
  CHECK(program.instruction(a).op == Op::parameter && program.instruction(square).op == Op::mul);
  CHECK(program.depends(square, 0) && !program.depends(square, 1));
}

int main() {
  test_refusals();
  test_linear_parameters();
  test_division();
  test_laws_without_rows();
  test_areas_in_a_law();
  test_every_operation();
  test_edges();
  test_scalars_are_shared();
  return check::finish();
}
