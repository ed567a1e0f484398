#include "lawfit/program.hpp"

#include <algorithm>

#include "lawfit/rules.hpp"

namespace lawfit {

int ScalarProgram::constant(double value) {
  for (std::size_t k = 0; k < code_.size(); ++k)
    if (code_[k].op == Op::constant && constants_[static_cast<std::size_t>(code_[k].a)] == value)
      return static_cast<int>(k);
  constants_.push_back(value);
  code_.push_back({Op::constant, static_cast<std::int32_t>(constants_.size() - 1), 0});
  return static_cast<int>(code_.size() - 1);
}

int ScalarProgram::parameter(int index) { return apply(Op::parameter, index); }

int ScalarProgram::apply(Op op, int a, int b) {
  // x·1, x/1, x^1 and x+0, x-0 are x: a coefficient stays recognisable as the parameter it is.
  const auto is = [&](int node, double value) {
    return is_constant(node) && constant_value(node) == value;
  };
  if ((op == Op::mul || op == Op::div || op == Op::pow) && is(b, 1))
    return a;
  if ((op == Op::mul && is(a, 1)) || (op == Op::add && is(a, 0)))
    return b;
  if ((op == Op::add || op == Op::sub) && is(b, 0))
    return a;
  if (!is_leaf(op) && is_constant(a) && (!is_binary(op) || is_constant(b)))
    return constant(apply_scalar(op, constant_value(a), is_binary(op) ? constant_value(b) : 0.0));
  for (std::size_t k = 0; k < code_.size(); ++k)
    if (code_[k].op == op && code_[k].a == a && code_[k].b == b)
      return static_cast<int>(k);
  code_.push_back({op, a, b});
  return static_cast<int>(code_.size() - 1);
}

bool ScalarProgram::is_constant(int node) const {
  return code_[static_cast<std::size_t>(node)].op == Op::constant;
}

double ScalarProgram::constant_value(int node) const {
  return constants_[static_cast<std::size_t>(code_[static_cast<std::size_t>(node)].a)];
}

bool ScalarProgram::depends(int node, int parameter) const {
  // Forward, not by recursion: a shared expression would be walked once for every use.
  std::vector<bool> found;
  for (std::size_t k = 0; k <= static_cast<std::size_t>(node); ++k) {
    const Instruction &in = code_[k];
    const auto a = static_cast<std::size_t>(in.a), b = static_cast<std::size_t>(in.b);
    found.push_back(is_leaf(in.op) ? in.op == Op::parameter && in.a == parameter
                                   : found[a] || (is_binary(in.op) && found[b]));
  }
  return found.back();
}

std::vector<int> ScalarProgram::of_logarithms(const std::vector<bool> &parameters) {
  std::vector<int> same(code_.size());
  for (std::size_t k = 0; k < same.size(); ++k) {
    const Instruction in = code_[k]; // a copy: apply() may move them
    const auto a = static_cast<std::size_t>(in.a), b = static_cast<std::size_t>(in.b);
    const int own = static_cast<int>(k);
    if (is_leaf(in.op))
      same[k] = in.op == Op::parameter && parameters[a] ? apply(Op::exp, own) : own;
    else
      same[k] = apply(in.op, same[a], is_binary(in.op) ? same[b] : 0);
  }
  return same;
}

std::size_t ScalarProgram::scratch() const {
  const auto p = static_cast<std::size_t>(parameters_);
  return code_.size() * (1 + p + p * p);
}

ScalarProgram::Values ScalarProgram::evaluate(const double *theta, int order,
                                              double *scratch) const {
  const auto p = static_cast<std::size_t>(parameters_);
  double *value = scratch, *gradient = value + code_.size(), *hessian = gradient + code_.size() * p;
  for (std::size_t k = 0; k < code_.size(); ++k) {
    const Instruction &in = code_[k];
    const auto a = static_cast<std::size_t>(in.a), b = static_cast<std::size_t>(in.b);
    double *g = gradient + k * p, *h = hessian + k * p * p;
    if (is_leaf(in.op)) {
      value[k] = in.op == Op::constant ? constants_[a] : theta[a];
      if (order >= 1)
        std::fill(g, g + p, 0.0);
      if (order >= 1 && in.op == Op::parameter)
        g[a] = 1;
      if (order >= 2)
        std::fill(h, h + p * p, 0.0);
      continue;
    }
    BinaryPartials d{};
    const double *ga = gradient + a * p, *ha = hessian + a * p * p;
    const double *gb = ga, *hb = ha;
    if (is_binary(in.op)) {
      gb = gradient + b * p;
      hb = hessian + b * p * p;
      visit_binary(in.op, [&](auto rule) {
        value[k] = rule.value(value[a], value[b]);
        d = rule.partials(value[a], value[b], value[k]);
      });
      // A constant exponent has no derivative; its logarithm may not exist.
      if (is_constant(in.b))
        d.y = d.xy = d.yy = 0;
      if (is_constant(in.a))
        d.x = d.xx = d.xy = 0;
    } else {
      visit_unary(in.op, [&](auto rule) {
        value[k] = rule.value(value[a]);
        const UnaryPartials u = rule.partials(value[a], value[k]);
        d = {u.d1, 0, u.d2, 0, 0};
      });
    }
    if (order >= 1)
      for (std::size_t i = 0; i < p; ++i)
        g[i] = d.x * ga[i] + d.y * gb[i];
    if (order >= 2)
      for (std::size_t i = 0; i < p; ++i)
        for (std::size_t j = 0; j < p; ++j)
          h[i * p + j] = d.x * ha[i * p + j] + d.y * hb[i * p + j] + d.xx * ga[i] * ga[j] +
                         d.xy * (ga[i] * gb[j] + gb[i] * ga[j]) + d.yy * gb[i] * gb[j];
  }
  return {value, gradient, hessian};
}

} // namespace lawfit
