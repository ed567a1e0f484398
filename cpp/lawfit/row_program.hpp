// A law's undivided program over the rows of its data, one row after the other and in any real
// type: for what the fast evaluators' rounding is in the way of.
#pragma once

#include <cstddef>
#include <vector>

#include "lawfit/program.hpp"
#include "lawfit/row_areas.hpp"
#include "lawfit/rules.hpp"

namespace lawfit {

// What a law is made of before it is divided; as of a Problem. All must outlive their users.
struct UndividedLaw {
  const Program &program;
  const Data &data;
  const std::vector<double> &theta; // of all parameters
  const std::vector<bool> &free;

  // Whether the rows' values are rules of columns, parameters and of row functions other than the
  // caller's own.
  bool has_known_rules() const {
    return !program.is_implicit() && program.external_arguments() < 0;
  }
  // The same with all arguments of row functions fixed: those are data, as they are computed in
  // doubles.
  bool has_rules_alone() const;
  bool has_row_functions() const;
};

template <class R> class RowProgram {
public:
  enum class Derivatives { by_parameters, by_all };

  // `law` has known rules. Row functions are evaluated here, at the arguments that its theta gives
  // them, and are data from then on.
  RowProgram(const UndividedLaw &law, Derivatives wanted, Cancel &cancel)
      : code_(law.program.code()), columns_(law.data.columns), nodes_(code_.size()),
        functions_(code_.size()) {
    std::vector<int> index;
    int next = 0;
    for (const bool is_free : law.free)
      index.push_back(is_free ? next++ : -1);
    for (std::size_t k = 0; k < code_.size(); ++k) {
      const Instruction &in = code_[k];
      const auto a = static_cast<std::size_t>(in.a);
      Node &node = nodes_[k];
      if (in.op == Op::constant) {
        node.value = law.program.constants()[a];
      } else if (in.op == Op::parameter) {
        node.value = law.theta[a];
        node.parameter = index[a];
        node.wanted = index[a] >= 0;
      } else if (in.op == Op::column || is_row_function(in.op)) {
        node.on_rows = true;
        if (in.op != Op::column)
          functions_[k] = values_of(in, law.data, cancel);
      } else {
        const Node &x = nodes_[a], &y = nodes_[second(in)];
        node.on_rows = x.on_rows || y.on_rows;
        node.wanted = x.wanted || y.wanted || (wanted == Derivatives::by_all && node.on_rows);
      }
      const bool is_scalar = !node.on_rows && !is_leaf(in.op);
      if (is_scalar)
        apply(k); // a row function may want it
      if (node.wanted || !is_scalar)
        (node.on_rows ? on_rows_ : once_).push_back(k);
    }
  }

  // theta: the free parameters.
  void begin(const R *theta) {
    for (const std::size_t k : once_)
      if (nodes_[k].parameter >= 0)
        nodes_[k].value = theta[nodes_[k].parameter];
      else if (!is_leaf(code_[k].op))
        apply(k);
  }

  // The law's value at a row.
  R value(std::size_t row) {
    for (const std::size_t k : on_rows_)
      if (code_[k].op == Op::column)
        nodes_[k].value = columns_[static_cast<std::size_t>(code_[k].a)][row];
      else if (!functions_[k].empty())
        nodes_[k].value = functions_[k][row];
      else
        apply(k);
    return nodes_.back().value;
  }

  // Adds c·∂f/∂θ of the last row to what end() gives.
  void add_gradient(R c) {
    nodes_.back().adjoint = nodes_.back().adjoint + c;
    descend(on_rows_, [](const Node &) {});
  }

  // Adds to the gradient what was added since begin().
  void end(R *gradient) {
    descend(once_, [&](const Node &node) {
      if (node.parameter >= 0)
        gradient[node.parameter] = gradient[node.parameter] + node.adjoint;
    });
  }

  // √Σ_k (v_k·∂f/∂v_k)² over the operations that make the last row's value, those of the row and
  // those that all rows share: what their rounding, taken as independent, does to it, in units of
  // rounding. Needs derivatives by all.
  struct Amplification {
    double of_row, shared;
  };
  Amplification amplification() {
    const auto root = [&](const std::vector<std::size_t> &list) {
      double squares = 0;
      descend(list, [&](const Node &node) {
        const double part = node.rounds ? real::rounded(node.value * node.adjoint) : 0;
        squares += part * part;
      });
      return std::sqrt(squares);
    };
    nodes_.back().adjoint = 1.0;
    const double of_row = root(on_rows_); // first: it has the adjoints of what is shared
    return {of_row, root(once_)};
  }

private:
  struct Node {
    R value = 0.0, adjoint = 0.0, by_x = 0.0, by_y = 0.0;
    int parameter = -1; // which free one it is
    bool on_rows = false, wanted = false, rounds = false;
  };

  static std::size_t second(const Instruction &in) {
    return static_cast<std::size_t>(is_binary(in.op) ? in.b : in.a);
  }

  void apply(std::size_t k) {
    const Instruction &in = code_[k];
    Node &node = nodes_[k];
    const Node &x = nodes_[static_cast<std::size_t>(in.a)], &y = nodes_[second(in)];
    if (in.op == Op::argument) {
      node.value = x.value;
      return;
    }
    node.rounds =
        in.op != Op::neg && in.op != Op::abs && in.op != Op::minimum && in.op != Op::maximum;
    visit_unary<R>(in.op, [&](auto rule) {
      node.value = rule.value(x.value);
      if (node.wanted)
        node.by_x = rule.partials(x.value, node.value).d1;
    });
    visit_binary<R>(in.op, [&](auto rule) {
      node.value = rule.value(x.value, y.value);
      if (!node.wanted)
        return;
      const auto d = rule.partials(x.value, y.value, node.value);
      node.by_x = d.x;
      node.by_y = d.y;
    });
  }

  // Takes the adjoints of these instructions to their operands'. What is not wanted has none: a
  // constant exponent's may not exist.
  template <class Visit> void descend(const std::vector<std::size_t> &list, Visit &&visit) {
    for (std::size_t at = list.size(); at-- > 0;) {
      Node &node = nodes_[list[at]];
      if (!node.wanted)
        continue;
      const Instruction &in = code_[list[at]];
      visit(static_cast<const Node &>(node));
      const R adjoint = node.adjoint;
      node.adjoint = 0.0;
      if (is_leaf(in.op))
        continue;
      Node &x = nodes_[static_cast<std::size_t>(in.a)], &y = nodes_[second(in)];
      if (x.wanted)
        x.adjoint = x.adjoint + adjoint * node.by_x;
      if (is_binary(in.op) && y.wanted)
        y.adjoint = y.adjoint + adjoint * node.by_y;
    }
  }

  // A row function at arguments that are fixed.
  std::vector<double> values_of(const Instruction &in, const Data &data, Cancel &cancel) const {
    std::vector<double> values(data.rows), at;
    if (in.op == Op::s1) {
      data.areas(0, values.data(), nullptr, nullptr, nullptr, cancel);
      return values;
    }
    for (std::int32_t k = 0; k < arguments(in); ++k)
      at.push_back(real::rounded(nodes_[static_cast<std::size_t>(in.a + k)].value));
    make_row_function(in.op, data, cancel)
        ->evaluate(at.data(), 0, {values.data(), nullptr, nullptr, data.rows}, cancel);
    return values;
  }

  const std::vector<Instruction> &code_;
  const std::vector<std::vector<double>> &columns_;
  std::vector<Node> nodes_;
  std::vector<std::vector<double>> functions_; // of each instruction, at all rows
  std::vector<std::size_t> once_, on_rows_;    // what is computed when
};

inline bool UndividedLaw::has_row_functions() const {
  for (const Instruction &in : program.code())
    if (is_row_function(in.op))
      return true;
  return false;
}

inline bool UndividedLaw::has_rules_alone() const {
  if (!has_known_rules())
    return false;
  std::vector<bool> fixed;
  for (const Instruction &in : program.code()) {
    const auto a = static_cast<std::size_t>(in.a), b = static_cast<std::size_t>(in.b);
    if (is_row_function(in.op)) {
      for (std::int32_t k = 0; k < arguments(in); ++k)
        if (!fixed[a + static_cast<std::size_t>(k)])
          return false;
      fixed.push_back(true);
    } else if (in.op == Op::parameter) {
      fixed.push_back(!free[a]);
    } else {
      fixed.push_back(is_leaf(in.op) || (fixed[a] && (!is_binary(in.op) || fixed[b])));
    }
  }
  return true;
}

} // namespace lawfit
