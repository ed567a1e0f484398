#include "lawfit/program.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "lawfit/implicit.hpp"
#include "lawfit/rules.hpp"

namespace lawfit {
namespace {

bool is_area(Op op) { return op == Op::s1 || op == Op::s2; }

double apply_scalar(Op op, double x, double y) {
  double value = 0;
  visit_unary(op, [&](auto rule) { value = rule.value(x); });
  visit_binary(op, [&](auto rule) { value = rule.value(x, y); });
  return value;
}

} // namespace

Program::Program(std::vector<Instruction> code, std::vector<double> constants, int parameters,
                 int columns)
    : code_(std::move(code)), constants_(std::move(constants)), parameters_(parameters),
      columns_(columns) {
  if (code_.empty())
    throw std::invalid_argument("a program needs at least one instruction");
  std::vector<bool> on_rows(code_.size());
  for (std::size_t k = 0; k < code_.size(); ++k) {
    const Instruction &in = code_[k];
    const auto fail = [&](const char *what) {
      throw std::invalid_argument("instruction " + std::to_string(k) + ": " + what);
    };
    const auto earlier = [&](std::int32_t i) {
      if (i < 0 || static_cast<std::size_t>(i) >= k)
        fail("its operand is not an earlier instruction");
      return static_cast<std::size_t>(i);
    };
    const int op = static_cast<int>(in.op);
    if (op < 0 || op >= op_count)
      fail("unknown operation");
    if (is_leaf(in.op)) {
      const int count = in.op == Op::constant    ? static_cast<int>(constants_.size())
                        : in.op == Op::parameter ? parameters_
                        : in.op == Op::column    ? columns_
                                                 : 1;
      if (in.a < 0 || in.a >= count)
        fail("its leaf is out of range");
      on_rows[k] = in.op == Op::column || in.op == Op::unknown;
    } else if (in.op == Op::s1) {
      on_rows[k] = true;
    } else if (in.op == Op::s2) {
      if (on_rows[earlier(in.a)])
        fail("the argument of S2 depends on a column");
      on_rows[k] = true;
    } else {
      on_rows[k] = on_rows[earlier(in.a)];
      if (is_binary(in.op) && on_rows[earlier(in.b)])
        on_rows[k] = true;
    }
  }
}

bool Program::uses_schedule() const {
  return std::any_of(code_.begin(), code_.end(), [](const auto &in) { return is_area(in.op); });
}

bool Program::is_implicit() const {
  return std::any_of(code_.begin(), code_.end(),
                     [](const auto &in) { return in.op == Op::unknown; });
}

// Degree of every instruction in the parameters asked for: 0, 1, or 2 for anything beyond linear.
bool Program::is_linear_in(const std::vector<bool> &parameters) const {
  std::vector<int> degree;
  for (const Instruction &in : code_) {
    const auto of = [&](std::int32_t i) { return degree[static_cast<std::size_t>(i)]; };
    if (is_leaf(in.op))
      degree.push_back(in.op == Op::parameter && parameters[static_cast<std::size_t>(in.a)]);
    else if (in.op == Op::s1)
      degree.push_back(0);
    else if (in.op == Op::add || in.op == Op::sub)
      degree.push_back(std::max(of(in.a), of(in.b)));
    else if (in.op == Op::mul)
      degree.push_back(std::min(2, of(in.a) + of(in.b)));
    else if (in.op == Op::div)
      degree.push_back(of(in.b) > 0 ? 2 : of(in.a));
    else if (in.op == Op::neg)
      degree.push_back(of(in.a));
    else
      degree.push_back(of(in.a) + (is_binary(in.op) ? of(in.b) : 0) > 0 ? 2 : 0);
  }
  return degree.back() <= 1;
}

std::vector<bool> Program::linear_parameters(const std::vector<bool> &free) const {
  std::vector<bool> linear(free.size());
  if (is_implicit())
    return linear;
  for (std::size_t k = 0; k < free.size(); ++k) {
    linear[k] = free[k];
    linear[k] = is_linear_in(linear);
    linear[k] = linear[k] && free[k];
  }
  return linear;
}

void Data::areas(double lam, double *s1, double *s2, double *ds2, double *d2s2,
                 Cancel &cancel) const {
  const auto at = [](double *p, std::size_t i) { return p ? p + i : nullptr; };
  for (const Track &track : tracks)
    track.schedule->areas(lam, warmup, steps.data() + track.begin, track.end - track.begin,
                          at(s1, track.begin), at(s2, track.begin), at(ds2, track.begin),
                          at(d2s2, track.begin), cancel);
}

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

namespace {

// Divides a program instruction by instruction. Every instruction ends as a Ref; those that depend
// on data alone are computed for all rows at once.
class Divider {
public:
  Divider(const Program &program, const Data &data, const std::vector<double> &theta,
          const std::vector<bool> &free, Cancel &cancel)
      : program_(program), data_(data), theta_(theta), cancel_(cancel),
        out_{{},
             {},
             ScalarProgram(static_cast<int>(std::count(free.begin(), free.end(), true))),
             {},
             {}} {
    int next = 0;
    for (bool is_free : free)
      free_index_.push_back(is_free ? next++ : -1);
  }

  Divided run() {
    for (const Instruction &in : program_.code())
      refs_.push_back(leaf_or_node(in));
    const Ref root = refs_.back();
    if (root.kind != Ref::Kind::node || root.index + 1 != static_cast<int>(out_.nodes.size()))
      add_node(Op::add, root, make_constant(0));
    return std::move(out_);
  }

private:
  using Kind = Ref::Kind;

  Ref make_constant(double value) {
    out_.constants.push_back(value);
    return {Kind::constant, static_cast<int>(out_.constants.size()) - 1};
  }
  Ref make_column(std::vector<double> values) {
    out_.columns.push_back(std::move(values));
    return {Kind::column, static_cast<int>(out_.columns.size()) - 1};
  }
  Ref add_node(Op op, Ref a, Ref b) {
    out_.nodes.push_back({op, a, b});
    return {Kind::node, static_cast<int>(out_.nodes.size()) - 1};
  }
  double constant_of(Ref ref) const { return out_.constants[static_cast<std::size_t>(ref.index)]; }
  int scalar_of(Ref ref) {
    return ref.kind == Kind::scalar ? ref.index : out_.scalars.constant(constant_of(ref));
  }

  Ref leaf_or_node(const Instruction &in) {
    const auto a = static_cast<std::size_t>(in.a);
    switch (in.op) {
    case Op::constant:
      return make_constant(program_.constants()[a]);
    case Op::parameter:
      return free_index_[a] < 0 ? make_constant(theta_[a])
                                : Ref{Kind::scalar, out_.scalars.parameter(free_index_[a])};
    case Op::column:
      return make_column(data_.columns[a]);
    case Op::unknown:
      return {Kind::unknown, 0};
    case Op::s1:
    case Op::s2:
      return area(in);
    default:
      return operation(in.op, refs_[a],
                       is_binary(in.op) ? refs_[static_cast<std::size_t>(in.b)] : refs_[a]);
    }
  }

  Ref area(const Instruction &in) {
    if (in.op == Op::s1)
      return forward_area();
    const Ref lam = refs_[static_cast<std::size_t>(in.a)];
    if (lam.kind == Kind::scalar) {
      const Ref node = add_node(Op::s2, lam, lam);
      out_.nodes.back().area = static_cast<int>(out_.areas.size());
      out_.areas.push_back(lam.index);
      return node;
    }
    if (s2_.empty() || lam_ != constant_of(lam))
      integrate(constant_of(lam), s1_.empty());
    return make_column(std::exchange(s2_, {}));
  }

  Ref forward_area() {
    if (s1_.empty())
      integrate(expected_lambda(), true);
    return make_column(s1_);
  }

  // One pass over the schedules gives both areas.
  void integrate(double lam, bool forward) {
    if (forward)
      s1_.resize(data_.rows);
    s2_.resize(data_.rows);
    lam_ = lam;
    data_.areas(lam, forward ? s1_.data() : nullptr, s2_.data(), nullptr, nullptr, cancel_);
  }

  // The lambda that a later S2 will ask for, where that is plain to see.
  double expected_lambda() const {
    for (const Instruction &in : program_.code()) {
      if (in.op != Op::s2)
        continue;
      const Instruction &lam = program_.code()[static_cast<std::size_t>(in.a)];
      const auto a = static_cast<std::size_t>(lam.a);
      if (lam.op == Op::constant)
        return program_.constants()[a];
      if (lam.op == Op::parameter && free_index_[a] < 0)
        return theta_[a];
    }
    return 0;
  }

  Ref operation(Op op, Ref a, Ref b) {
    const Kind most = std::max(a.kind, b.kind);
    if (most == Kind::constant)
      return make_constant(apply_scalar(op, constant_of(a), constant_of(b)));
    if (most == Kind::column)
      return hoist(op, a, b);
    const bool no_rows = a.kind != Kind::column && b.kind != Kind::column;
    if (most == Kind::scalar && no_rows)
      return {Kind::scalar, out_.scalars.apply(op, scalar_of(a), is_binary(op) ? scalar_of(b) : 0)};
    return add_node(op, a, b);
  }

  // Data alone: computed now, for all rows.
  Ref hoist(Op op, Ref a, Ref b) {
    const auto at = [&](Ref ref, std::size_t i) {
      return ref.kind == Kind::column ? out_.columns[static_cast<std::size_t>(ref.index)][i]
                                      : constant_of(ref);
    };
    std::vector<double> values(data_.rows);
    for (std::size_t i = 0; i < data_.rows; ++i)
      values[i] = apply_scalar(op, at(a, i), at(b, i));
    return make_column(std::move(values));
  }

  const Program &program_;
  const Data &data_;
  const std::vector<double> &theta_;
  Cancel &cancel_;
  std::vector<int> free_index_;
  std::vector<Ref> refs_;
  std::vector<double> s1_, s2_; // integrated already, s2_ at lam_ and not asked for yet
  double lam_ = 0;
  Divided out_;
};

} // namespace

Divided divide(const Program &program, const Data &data, const std::vector<double> &theta,
               const std::vector<bool> &free, Cancel &cancel) {
  return Divider(program, data, theta, free, cancel).run();
}

std::vector<double> evaluate(const Program &program, const Data &data,
                             const std::vector<double> &theta, Cancel &cancel) {
  // With no parameter free, the whole law depends on data alone and is computed in the division.
  Divided law = divide(program, data, theta, std::vector<bool>(theta.size()), cancel);
  if (program.is_implicit())
    return solve_rows(std::move(law), data.rows, cancel);
  const Ref value = law.nodes.back().a;
  const auto k = static_cast<std::size_t>(value.index);
  if (value.kind == Ref::Kind::column)
    return std::move(law.columns[k]);
  return std::vector<double>(data.rows, law.constants[k]);
}

} // namespace lawfit
