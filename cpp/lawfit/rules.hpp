// Values and partial derivatives of every operation: one rule an operation, shared by the scalar
// and the block evaluators.
#pragma once

#include <cmath>
#include <limits>

#include "lawfit/opcodes.hpp"

namespace lawfit {

struct UnaryPartials {
  double d1, d2;
};
struct BinaryPartials {
  double x, y, xx, xy, yy;
};

inline double expit(double x) {
  if (x >= 0)
    return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

inline double logaddexp(double x, double y) {
  if (x == y)
    return x + std::log(2.0); // also where both are the same infinity
  return std::fmax(x, y) + std::log1p(std::exp(-std::abs(x - y)));
}

// Each Rule has value(x) and partials(x, f), f the value at x. Where partials take another function
// of libm, `help` names it, helped(x) is its argument, and partials(x, f, its value) do without.
template <Op op> struct Rule;

struct NoHelp {
  static constexpr Op help = Op::constant;
};

#define LAWFIT_UNARY(OP, VALUE, D1, D2)                                                            \
  template <> struct Rule<Op::OP> : NoHelp {                                                       \
    static double value(double x) { return VALUE; }                                                \
    static UnaryPartials partials([[maybe_unused]] double x, [[maybe_unused]] double f) {          \
      const double d1 = D1;                                                                        \
      return {d1, D2};                                                                             \
    }                                                                                              \
  }
#define LAWFIT_HELPED_UNARY(OP, VALUE, HELP, D1, D2)                                               \
  template <> struct Rule<Op::OP> {                                                                \
    static constexpr Op help = Op::HELP;                                                           \
    static double helped(double x) { return x; }                                                   \
    static double value(double x) { return VALUE; }                                                \
    static UnaryPartials partials(double, [[maybe_unused]] double f, double HELP) {                \
      const double d1 = D1;                                                                        \
      return {d1, D2};                                                                             \
    }                                                                                              \
    static UnaryPartials partials(double x, double f) { return partials(x, f, std::HELP(x)); }     \
  }

LAWFIT_UNARY(neg, -x, -1.0, 0.0);
LAWFIT_UNARY(exp, std::exp(x), f, f);
LAWFIT_UNARY(log, std::log(x), 1 / x, -d1 *d1);
LAWFIT_UNARY(log1p, std::log1p(x), 1 / (1 + x), -d1 *d1);
LAWFIT_HELPED_UNARY(expm1, std::expm1(x), exp, exp, d1);
LAWFIT_UNARY(sqrt, std::sqrt(x), 0.5 / f, -0.5 * d1 / x);
LAWFIT_HELPED_UNARY(sin, std::sin(x), cos, cos, -f);
LAWFIT_HELPED_UNARY(cos, std::cos(x), sin, -sin, -f);
LAWFIT_UNARY(tan, std::tan(x), 1 + f * f, 2 * f * d1);
LAWFIT_UNARY(atan, std::atan(x), 1 / (1 + x * x), -2 * x * d1 * d1);
LAWFIT_UNARY(tanh, std::tanh(x), 1 - f * f, -2 * f * d1);
LAWFIT_UNARY(expit, ::lawfit::expit(x), f * (1 - f), d1 * (1 - 2 * f));
LAWFIT_UNARY(abs, std::abs(x), x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0), 0.0);

#undef LAWFIT_UNARY
#undef LAWFIT_HELPED_UNARY

template <> struct Rule<Op::add> : NoHelp {
  static double value(double x, double y) { return x + y; }
  static BinaryPartials partials(double, double, double) { return {1, 1, 0, 0, 0}; }
};
template <> struct Rule<Op::sub> : NoHelp {
  static double value(double x, double y) { return x - y; }
  static BinaryPartials partials(double, double, double) { return {1, -1, 0, 0, 0}; }
};
template <> struct Rule<Op::mul> : NoHelp {
  static double value(double x, double y) { return x * y; }
  static BinaryPartials partials(double x, double y, double) { return {y, x, 0, 1, 0}; }
};
template <> struct Rule<Op::div> : NoHelp {
  static double value(double x, double y) { return x / y; }
  static BinaryPartials partials(double, double y, double f) {
    const double r = 1 / y;
    return {r, -f * r, 0, -r * r, 2 * f * r * r};
  }
};
template <> struct Rule<Op::pow> {
  static constexpr Op help = Op::log;
  static double helped(double x, double) { return x; }
  static double value(double x, double y) { return std::pow(x, y); }
  static BinaryPartials partials(double x, double y, double f, double log) {
    // At x = 0 the quotient f/x is lost; x^(y-1) is then taken directly, and x^y log x tends to 0.
    const double below = x != 0 ? f / x : std::pow(x, y - 1);
    const double below2 = x != 0 ? below / x : std::pow(x, y - 2);
    const double log_x =
        x > 0 ? log : (x == 0 && y > 0 ? 0.0 : std::numeric_limits<double>::quiet_NaN());
    return {y == 0 ? 0.0 : y * below, f * log_x, y == 0 || y == 1 ? 0.0 : y * (y - 1) * below2,
            below * (1 + y * log_x), f * log_x * log_x};
  }
  static BinaryPartials partials(double x, double y, double f) {
    return partials(x, y, f, std::log(x));
  }
};
template <> struct Rule<Op::minimum> : NoHelp {
  static double value(double x, double y) { return x <= y || std::isnan(x) ? x : y; }
  static BinaryPartials partials(double x, double y, double) {
    return x <= y ? BinaryPartials{1, 0, 0, 0, 0} : BinaryPartials{0, 1, 0, 0, 0};
  }
};
template <> struct Rule<Op::maximum> : NoHelp {
  static double value(double x, double y) { return x >= y || std::isnan(x) ? x : y; }
  static BinaryPartials partials(double x, double y, double) {
    return x >= y ? BinaryPartials{1, 0, 0, 0, 0} : BinaryPartials{0, 1, 0, 0, 0};
  }
};
template <> struct Rule<Op::logaddexp> {
  static constexpr Op help = Op::exp;
  static double helped(double x, double y) { return -std::abs(x - y); }
  static double value(double x, double y) { return ::lawfit::logaddexp(x, y); }
  static BinaryPartials partials(double x, double y, double, double smaller) {
    const double p = (x >= y ? 1 : smaller) / (1 + smaller); // expit(x − y)
    const double q = (x >= y ? smaller : 1) / (1 + smaller);
    return {p, q, p * q, -p * q, p * q};
  }
  static BinaryPartials partials(double x, double y, double f) {
    return partials(x, y, f, std::exp(helped(x, y)));
  }
};

// Calls visit(Rule<op>{}) for the operation named at run time, so loops are compiled per operation.
template <class Visit> void visit_unary(Op op, Visit &&visit) {
  switch (op) {
#define LAWFIT_CASE(OP)                                                                            \
  case Op::OP:                                                                                     \
    visit(Rule<Op::OP>{});                                                                         \
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

template <class Visit> void visit_binary(Op op, Visit &&visit) {
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
