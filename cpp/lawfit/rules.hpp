// Values and partial derivatives of every operation: one rule an operation, shared by the scalar
// and the block evaluators and by the one of more digits than a double has.
#pragma once

#include <cmath>
#include <limits>

#include "lawfit/extended_real.hpp"
#include "lawfit/opcodes.hpp"

namespace lawfit {

template <class R> struct Partials1 {
  R d1, d2;
};
template <class R> struct Partials2 {
  R x, y, xx, xy, yy;
};
using UnaryPartials = Partials1<double>;
using BinaryPartials = Partials2<double>;

template <class R> R expit(R x) {
  if (x >= 0)
    return 1 / (1 + real::exp(-x));
  const R e = real::exp(x);
  return e / (1 + e);
}

template <class R> R logaddexp(R x, R y) {
  if (x == y)
    return x + real::log(R(2.0)); // also where both are the same infinity
  return (x > y ? x : y) + real::log1p(real::exp(-real::abs(x - y)));
}

// Each Rule has value(x) and partials(x, f), f the value at x. Where partials take another function
// of libm, `help` names it, helped(x) is its argument, and partials(x, f, its value) do without.
template <Op op, class R = double> struct Rule;

struct NoHelp {
  static constexpr Op help = Op::constant;
};

#define LAWFIT_UNARY(OP, VALUE, D1, D2)                                                            \
  template <class R> struct Rule<Op::OP, R> : NoHelp {                                             \
    static R value(R x) { return VALUE; }                                                          \
    static Partials1<R> partials([[maybe_unused]] R x, [[maybe_unused]] R f) {                     \
      const R d1 = D1;                                                                             \
      return {d1, D2};                                                                             \
    }                                                                                              \
  }
#define LAWFIT_HELPED_UNARY(OP, VALUE, HELP, D1, D2)                                               \
  template <class R> struct Rule<Op::OP, R> {                                                      \
    static constexpr Op help = Op::HELP;                                                           \
    static R helped(R x) { return x; }                                                             \
    static R value(R x) { return VALUE; }                                                          \
    static Partials1<R> partials(R, [[maybe_unused]] R f, R HELP) {                                \
      const R d1 = D1;                                                                             \
      return {d1, D2};                                                                             \
    }                                                                                              \
    static Partials1<R> partials(R x, R f) { return partials(x, f, real::HELP(x)); }               \
  }

LAWFIT_UNARY(neg, -x, -1.0, 0.0);
LAWFIT_UNARY(exp, real::exp(x), f, f);
LAWFIT_UNARY(log, real::log(x), 1 / x, -d1 *d1);
LAWFIT_UNARY(log1p, real::log1p(x), 1 / (1 + x), -d1 *d1);
LAWFIT_HELPED_UNARY(expm1, real::expm1(x), exp, exp, d1);
LAWFIT_UNARY(sqrt, real::sqrt(x), 0.5 / f, -0.5 * d1 / x);
LAWFIT_HELPED_UNARY(sin, real::sin(x), cos, cos, -f);
LAWFIT_HELPED_UNARY(cos, real::cos(x), sin, -sin, -f);
LAWFIT_UNARY(tan, real::tan(x), 1 + f * f, 2 * f * d1);
LAWFIT_UNARY(atan, real::atan(x), 1 / (1 + x * x), -2 * x * d1 * d1);
LAWFIT_UNARY(tanh, real::tanh(x), 1 - f * f, -2 * f * d1);
LAWFIT_UNARY(expit, ::lawfit::expit(x), f * (1 - f), d1 * (1 - 2 * f));
LAWFIT_UNARY(abs, real::abs(x), x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0), 0.0);

#undef LAWFIT_UNARY
#undef LAWFIT_HELPED_UNARY

template <class R> struct Rule<Op::add, R> : NoHelp {
  static R value(R x, R y) { return x + y; }
  static Partials2<R> partials(R, R, R) { return {1, 1, 0, 0, 0}; }
};
template <class R> struct Rule<Op::sub, R> : NoHelp {
  static R value(R x, R y) { return x - y; }
  static Partials2<R> partials(R, R, R) { return {1, -1, 0, 0, 0}; }
};
template <class R> struct Rule<Op::mul, R> : NoHelp {
  static R value(R x, R y) { return x * y; }
  static Partials2<R> partials(R x, R y, R) { return {y, x, 0, 1, 0}; }
};
template <class R> struct Rule<Op::div, R> : NoHelp {
  static R value(R x, R y) { return x / y; }
  static Partials2<R> partials(R, R y, R f) {
    const R r = 1 / y;
    return {r, -f * r, 0, -r * r, 2 * f * r * r};
  }
};
template <class R> struct Rule<Op::pow, R> {
  static constexpr Op help = Op::log;
  static R helped(R x, R) { return x; }
  static R value(R x, R y) { return real::pow(x, y); }
  static Partials2<R> partials(R x, R y, R f, R log) {
    // At x = 0 the quotient f/x is lost; x^(y-1) is then taken directly, and x^y log x tends to 0.
    const R below = x != 0 ? f / x : real::pow(x, y - 1);
    const R below2 = x != 0 ? below / x : real::pow(x, y - 2);
    const R log_x =
        x > 0 ? log : (x == 0 && y > 0 ? 0.0 : std::numeric_limits<double>::quiet_NaN());
    return {y == 0 ? 0.0 : y * below, f * log_x, y == 0 || y == 1 ? 0.0 : y * (y - 1) * below2,
            below * (1 + y * log_x), f * log_x * log_x};
  }
  static Partials2<R> partials(R x, R y, R f) { return partials(x, y, f, real::log(x)); }
};
template <class R> struct Rule<Op::minimum, R> : NoHelp {
  static R value(R x, R y) { return x <= y || real::isnan(x) ? x : y; }
  static Partials2<R> partials(R x, R y, R) {
    return x <= y ? Partials2<R>{1, 0, 0, 0, 0} : Partials2<R>{0, 1, 0, 0, 0};
  }
};
template <class R> struct Rule<Op::maximum, R> : NoHelp {
  static R value(R x, R y) { return x >= y || real::isnan(x) ? x : y; }
  static Partials2<R> partials(R x, R y, R) {
    return x >= y ? Partials2<R>{1, 0, 0, 0, 0} : Partials2<R>{0, 1, 0, 0, 0};
  }
};
template <class R> struct Rule<Op::logaddexp, R> {
  static constexpr Op help = Op::exp;
  static R helped(R x, R y) { return -real::abs(x - y); }
  static R value(R x, R y) { return ::lawfit::logaddexp(x, y); }
  static Partials2<R> partials(R x, R y, R, R smaller) {
    const R p = (x >= y ? 1 : smaller) / (1 + smaller); // expit(x − y)
    const R q = (x >= y ? smaller : 1) / (1 + smaller);
    return {p, q, p * q, -p * q, p * q};
  }
  static Partials2<R> partials(R x, R y, R f) { return partials(x, y, f, real::exp(helped(x, y))); }
};

// Calls visit(Rule<op, R>{}) for the operation named at run time, so loops are compiled per
// operation.
template <class R = double, class Visit> void visit_unary(Op op, Visit &&visit) {
  switch (op) {
#define LAWFIT_CASE(OP)                                                                            \
  case Op::OP:                                                                                     \
    visit(Rule<Op::OP, R>{});                                                                      \
    break;
    LAWFIT_CASE(neg)
    LAWFIT_CASE(exp)
    LAWFIT_CASE(log)
    LAWFIT_CASE(log1p)
    LAWFIT_CASE(expm1)
    LAWFIT_CASE(sqrt)
    LAWFIT_CASE(sin)
    LAWFIT_CASE(cos)
    LAWFIT_CASE(tan)
    LAWFIT_CASE(atan)
    LAWFIT_CASE(tanh)
    LAWFIT_CASE(expit)
    LAWFIT_CASE(abs)
  default:
    break;
  }
}

template <class R = double, class Visit> void visit_binary(Op op, Visit &&visit) {
  switch (op) {
    LAWFIT_CASE(add)
    LAWFIT_CASE(sub)
    LAWFIT_CASE(mul)
    LAWFIT_CASE(div)
    LAWFIT_CASE(pow)
    LAWFIT_CASE(minimum)
    LAWFIT_CASE(maximum)
    LAWFIT_CASE(logaddexp)
#undef LAWFIT_CASE
  default:
    break;
  }
}

inline double apply_scalar(Op op, double x, double y) {
  double value = 0;
  visit_unary(op, [&](auto rule) { value = rule.value(x); });
  visit_binary(op, [&](auto rule) { value = rule.value(x, y); });
  return value;
}

} // namespace lawfit
