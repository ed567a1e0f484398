#include "lawfit/program.hpp"

#include <algorithm>
#include <utility>

#include "lawfit/implicit.hpp"
#include "lawfit/row_areas.hpp"
#include "lawfit/row_rules.hpp"
#include "lawfit/rules.hpp"

namespace lawfit {
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
      return forward_area();
    case Op::argument:
      return refs_[a];
    default:
      if (is_row_function(in.op))
        return row_function(in);
      return operation(in.op, refs_[a],
                       is_binary(in.op) ? refs_[static_cast<std::size_t>(in.b)] : refs_[a]);
    }
  }

  // At fixed arguments it is data, and computed now.
  Ref row_function(const Instruction &in) {
    std::vector<Ref> args;
    for (std::int32_t j = 0; j < arguments(in); ++j)
      args.push_back(refs_[static_cast<std::size_t>(in.a + j)]);
    if (std::any_of(args.begin(), args.end(),
                    [](const Ref &ref) { return ref.kind == Kind::scalar; })) {
      Divided::Function function{in.op, {}};
      for (const Ref &ref : args)
        function.arguments.push_back(scalar_of(ref));
      const Ref node = add_node(in.op, make_constant(0), make_constant(0));
      out_.nodes.back().function = static_cast<int>(out_.functions.size());
      out_.functions.push_back(std::move(function));
      return node;
    }
    if (in.op == Op::s2)
      return annealing_area(constant_of(args[0]));
    std::vector<double> at, values(data_.rows);
    for (const Ref &ref : args)
      at.push_back(constant_of(ref));
    make_row_function(in.op, data_, cancel_)
        ->evaluate(at.data(), 0, {values.data(), nullptr, nullptr, data_.rows}, cancel_);
    return make_column(std::move(values));
  }

  Ref annealing_area(double lam) {
    if (s2_.empty() || lam_ != lam)
      integrate(lam, s1_.empty());
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
    std::vector<double> x, y, values(data_.rows);
    apply_rows(op, rows_of(a, x), is_binary(op) ? rows_of(b, y) : nullptr, values.data(),
               values.size());
    return make_column(std::move(values));
  }

  // The operand's values at all rows, in `filled` where it is a constant.
  const double *rows_of(Ref ref, std::vector<double> &filled) const {
    if (ref.kind == Kind::column)
      return out_.columns[static_cast<std::size_t>(ref.index)].data();
    filled.assign(data_.rows, constant_of(ref));
    return filled.data();
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
