#include "lawfit/row_rules.hpp"

#include "lawfit/rules.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

using Map = void (*)(const double *x, double *y, std::size_t n);
using MapTwo = void (*)(const double *x, const double *y, double *z, std::size_t n);

Map vector_unary(Op op) {
  switch (op) {
  case Op::exp:
    return simd::exp;
  case Op::log:
    return simd::log;
  case Op::log1p:
    return simd::log1p;
  case Op::expm1:
    return simd::expm1;
  case Op::sin:
    return simd::sin;
  case Op::cos:
    return simd::cos;
  case Op::tan:
    return simd::tan;
  case Op::atan:
    return simd::atan;
  case Op::tanh:
    return simd::tanh;
  case Op::expit:
    return simd::expit;
  default:
    return nullptr;
  }
}

MapTwo vector_binary(Op op) {
  return op == Op::pow ? simd::pow : op == Op::logaddexp ? simd::logaddexp : nullptr;
}

// help[i] = what the rule's partials at row i take, for the operands at each row.
template <class Rule, class... Operands>
void help_rows(Rule, double *help, std::size_t n, const Operands *...operands) {
  if constexpr (Rule::help != Op::constant) {
    for (std::size_t i = 0; i < n; ++i)
      help[i] = Rule::helped(operands[i]...);
    vector_unary(Rule::help)(help, help, n);
  }
}

template <class Rule, class... Operands>
auto partials_with(Rule, const double *help, std::size_t i, Operands... operands) {
  if constexpr (Rule::help != Op::constant)
    return Rule::partials(operands..., help[i]);
  else
    return Rule::partials(operands...);
}

} // namespace

void apply_rows(Op op, const double *x, const double *y, double *out, std::size_t n) {
  if (const Map map = vector_unary(op))
    return map(x, out, n);
  if (const MapTwo map = vector_binary(op))
    return map(x, y, out, n);
  visit_unary(op, [&](auto rule) {
    for (std::size_t i = 0; i < n; ++i)
      out[i] = rule.value(x[i]);
  });
  visit_binary(op, [&](auto rule) {
    for (std::size_t i = 0; i < n; ++i)
      out[i] = rule.value(x[i], y[i]);
  });
}

void differentiate_rows(Op op, const double *x, const double *y, const double *f,
                        double *const (&d)[5], std::size_t n) {
  // The last array holds the help until its own values come, row by row.
  double *const help = d[4];
  visit_unary(op, [&](auto rule) {
    help_rows(rule, help, n, x);
    for (std::size_t i = 0; i < n; ++i) {
      const UnaryPartials p = partials_with(rule, help, i, x[i], f[i]);
      d[0][i] = p.d1;
      d[2][i] = p.d2;
    }
  });
  visit_binary(op, [&](auto rule) {
    help_rows(rule, help, n, x, y);
    for (std::size_t i = 0; i < n; ++i) {
      const BinaryPartials p = partials_with(rule, help, i, x[i], y[i], f[i]);
      d[0][i] = p.x;
      d[1][i] = p.y;
      d[2][i] = p.xx;
      d[3][i] = p.xy;
      d[4][i] = p.yy;
    }
  });
}

} // namespace lawfit
