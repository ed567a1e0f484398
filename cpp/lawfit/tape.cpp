// The evaluator for any law: block by block, values forward, first derivatives in reverse, second
// derivatives as one forward and one reverse sweep for each input.
#include "lawfit/implicit.hpp"

#include <algorithm>
#include <utility>

#include "lawfit/row_rules.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
using Kind = Ref::Kind;

void add_product(double *out, const double *x, const double *y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    out[i] += x[i] * y[i];
}

class Tape final : public UnknownTape {
public:
  explicit Tape(Divided law, bool has_unknown = false)
      : UnknownTape(std::move(law.scalars)), columns_(std::move(law.columns)),
        constants_(std::move(law.constants)), nodes_(std::move(law.nodes)) {
    for (Node &node : nodes_)
      for (Ref *ref : {&node.a, &node.b})
        if (ref->kind == Kind::scalar)
          ref->index = input(ref->index);
    for (const Divided::Function &function : law.functions) {
      functions_.emplace_back();
      for (int scalar : function.arguments)
        functions_.back().push_back(static_cast<std::size_t>(input(scalar)));
    }
    count_ = inputs(Coordinates::natural).size();
    width_ = count_ + has_unknown;
    admit_unknown();
  }

  std::unique_ptr<Evaluator> clone() const override { return clone_tape(); }
  std::unique_ptr<UnknownTape> clone_tape() const override { return std::make_unique<Tape>(*this); }
  void take_rows(const Evaluator &whole, const std::size_t *rows, std::size_t n) override {
    const auto &from = dynamic_cast<const Tape &>(whole);
    for (std::size_t k = 0; k < columns_.size(); ++k)
      gather(from.columns_[k], rows, n, columns_[k]);
  }

  bool cheap_hessian() const override { return false; }
  const char *name() const override { return "tape"; }
  std::size_t scratch() const override {
    return (constants_.size() + 3 * width_ + View::node_arrays * nodes_.size()) * B;
  }

  void begin(const double *inputs, double *scratch) const override {
    const View v(*this, scratch);
    for (std::size_t k = 0; k < constants_.size(); ++k)
      std::fill_n(v.constant + k * B, B, constants_[k]);
    for (std::size_t k = 0; k < count_; ++k)
      std::fill_n(v.input + k * B, B, inputs[k]);
  }

  void evaluate(std::size_t first, std::size_t n, const RowValues *functions, double *f,
                double *jac, double *scratch) const override {
    const View v(*this, scratch);
    const Rows rows{first, n, functions};
    for (std::size_t k = 0; k < nodes_.size(); ++k)
      forward(k, v, rows);
    std::copy_n(v.value + (nodes_.size() - 1) * B, n, f);
    if (!jac)
      return;
    for (std::size_t k = 0; k < nodes_.size(); ++k)
      partials(k, v, rows);
    std::fill_n(v.bar, nodes_.size() * B, 0.0);
    std::fill_n(v.bar + (nodes_.size() - 1) * B, n, 1.0);
    std::fill_n(jac, width_ * B, 0.0);
    for (std::size_t k = nodes_.size(); k-- > 0;) {
      for_arguments(k, rows, [&](std::size_t, std::size_t input, const double *slope) {
        add_product(jac + input * B, slope, v.bar + k * B, n);
      });
      for (int side = 0; side < sides(k); ++side)
        if (double *bar = of_operand(k, side, v.bar, jac))
          add_product(bar, v.d[side] + k * B, v.bar + k * B, n);
    }
  }

  void add_hessian(std::size_t first, std::size_t n, const RowValues *functions, const double *c,
                   double *hess, double *scratch) const override {
    const View v(*this, scratch);
    const Rows rows{first, n, functions};
    const auto m = count_;
    for (std::size_t k = 0; k < m; ++k) {
      tangents(k, v, rows);
      adjoint_tangents(v, rows);
      // The tangents' room is free until the next input.
      double *column = v.input_dot;
      std::fill_n(column, m, 0.0);
      simd::add_product(v.input_dbar + k * B, B, static_cast<int>(m - k), c, n, column);
      for (std::size_t l = k; l < m; ++l)
        hess[l * m + k] += column[l - k];
    }
  }

  double *unknown(double *scratch) const override {
    return View(*this, scratch).input + count_ * B;
  }

  void follow(std::size_t first, std::size_t n, const RowValues *functions, double *g,
              double *slope, double *scratch) const override {
    const View v(*this, scratch);
    const Rows rows{first, n, functions};
    std::fill_n(v.input_dot + count_ * B, n, 1.0);
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      if (!follows_[k])
        continue;
      forward(k, v, rows);
      partials(k, v, rows);
      std::fill_n(v.dot + k * B, n, 0.0);
      for (int side = 0; side < sides(k); ++side)
        if (follows(side == 0 ? nodes_[k].a : nodes_[k].b))
          add_product(v.dot + k * B, v.d[side] + k * B, of_operand(k, side, v.dot, v.input_dot), n);
    }
    std::copy_n(v.value + (nodes_.size() - 1) * B, n, g);
    if (follows_.back())
      std::copy_n(v.dot + (nodes_.size() - 1) * B, n, slope);
    else
      std::fill_n(slope, n, 0.0);
  }

  const double *along_unknown(std::size_t first, std::size_t n, const RowValues *functions,
                              double *scratch) const override {
    const View v(*this, scratch);
    const Rows rows{first, n, functions};
    tangents(count_, v, rows);
    adjoint_tangents(v, rows);
    return v.input_dbar;
  }

private:
  using Node = Divided::Node;

  // The unknown becomes the last input, whether or not the law depends on it.
  void admit_unknown() {
    for (Node &node : nodes_) {
      for (Ref *ref : {&node.a, &node.b})
        if (ref->kind == Kind::unknown)
          *ref = {Kind::scalar, static_cast<int>(count_)};
      follows_.push_back(follows(node.a) || (is_binary(node.op) && follows(node.b)));
    }
  }
  // Whether an operand depends on the unknown.
  bool follows(Ref ref) const {
    const auto k = static_cast<std::size_t>(ref.index);
    return ref.kind == Kind::node ? follows_[k] : ref.kind == Kind::scalar && k == count_;
  }

  struct Rows {
    std::size_t first, n;
    const RowValues *functions;
  };

  // The scratch space, divided; every array holds B rows.
  struct View {
    static constexpr std::size_t node_arrays = 9;
    View(const Tape &tape, double *at) {
      const auto take = [&](std::size_t arrays) { return std::exchange(at, at + arrays * B); };
      const std::size_t nodes = tape.nodes_.size(), m = tape.width_;
      constant = take(tape.constants_.size());
      input = take(m);
      input_dot = take(m);
      input_dbar = take(m);
      value = take(nodes);
      bar = take(nodes);
      dot = take(nodes);
      dbar = take(nodes);
      for (double *&partial : d)
        partial = take(nodes);
    }
    double *constant;
    double *input, *input_dot, *input_dbar; // values, tangents, tangents of the adjoints
    double *value, *bar, *dot, *dbar;       // values, adjoints and the tangents of both, of nodes
    double *d[5];                           // partials of each node: x, y, then xx, xy, yy
  };

  int sides(std::size_t k) const {
    return nodes_[k].function >= 0 ? 0 : is_binary(nodes_[k].op) ? 2 : 1;
  }

  // Calls visit(j, its input, ∂node/∂argument_j at the rows) for the arguments of a row function.
  template <class Visit>
  void for_arguments(std::size_t k, const Rows &rows, const Visit &visit) const {
    if (nodes_[k].function < 0)
      return;
    const auto which = static_cast<std::size_t>(nodes_[k].function);
    const RowValues &values = rows.functions[which];
    for (std::size_t j = 0; j < functions_[which].size(); ++j)
      visit(j, functions_[which][j], values.gradient + j * values.stride + rows.first);
  }

  // The array that belongs to operand `side` of node k, or null where the operand does not vary.
  double *of_operand(std::size_t k, int side, double *of_nodes, double *of_inputs) const {
    const Ref ref = side == 0 ? nodes_[k].a : nodes_[k].b;
    const auto at = static_cast<std::size_t>(ref.index) * B;
    if (ref.kind == Kind::node)
      return of_nodes + at;
    return ref.kind == Kind::scalar ? of_inputs + at : nullptr;
  }

  const double *operand_value(Ref ref, const View &v, std::size_t first) const {
    const auto k = static_cast<std::size_t>(ref.index);
    switch (ref.kind) {
    case Kind::constant:
      return v.constant + k * B;
    case Kind::column:
      return columns_[k].data() + first;
    case Kind::scalar:
      return v.input + k * B;
    default:
      return v.value + k * B;
    }
  }

  void forward(std::size_t k, const View &v, const Rows &rows) const {
    const Node &node = nodes_[k];
    const std::size_t n = rows.n;
    const double *x = operand_value(node.a, v, rows.first);
    const double *y = operand_value(node.b, v, rows.first);
    double *out = v.value + k * B;
    if (node.function >= 0)
      std::copy_n(rows.functions[node.function].value + rows.first, n, out);
    else
      apply_rows(node.op, x, y, out, n);
  }

  void partials(std::size_t k, const View &v, const Rows &rows) const {
    const Node &node = nodes_[k];
    const double *x = operand_value(node.a, v, rows.first);
    const double *y = operand_value(node.b, v, rows.first);
    const double *f = v.value + k * B;
    double *d[5];
    std::transform(v.d, v.d + 5, d, [&](double *partial) { return partial + k * B; });
    differentiate_rows(node.op, x, y, f, d, rows.n);
  }

  // Tangents of all nodes along input k.
  void tangents(std::size_t along, const View &v, const Rows &rows) const {
    const std::size_t n = rows.n;
    for (std::size_t k = 0; k < width_; ++k)
      std::fill_n(v.input_dot + k * B, n, k == along ? 1.0 : 0.0);
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      std::fill_n(v.dot + k * B, n, 0.0);
      for_arguments(k, rows, [&](std::size_t, std::size_t input, const double *slope) {
        add_product(v.dot + k * B, slope, v.input_dot + input * B, n);
      });
      for (int side = 0; side < sides(k); ++side)
        if (const double *dot = of_operand(k, side, v.dot, v.input_dot))
          add_product(v.dot + k * B, v.d[side] + k * B, dot, n);
    }
  }

  // Tangents of the adjoints along the same input: those of input l are ∂²f/∂input_l∂along.
  void adjoint_tangents(const View &v, const Rows &rows) const {
    const std::size_t n = rows.n;
    std::fill_n(v.dbar, nodes_.size() * B, 0.0);
    std::fill_n(v.input_dbar, width_ * B, 0.0);
    for (std::size_t k = nodes_.size(); k-- > 0;) {
      for_arguments(k, rows, [&](std::size_t j, std::size_t input, const double *slope) {
        double *out = v.input_dbar + input * B;
        add_product(out, slope, v.dbar + k * B, n);
        for_arguments(k, rows, [&](std::size_t l, std::size_t other, const double *) {
          const RowValues &values = rows.functions[nodes_[k].function];
          const std::size_t pair = std::max(j, l) * (std::max(j, l) + 1) / 2 + std::min(j, l);
          const double *second = values.hessian + pair * values.stride + rows.first,
                       *bar = v.bar + k * B, *dot = v.input_dot + other * B;
          for (std::size_t i = 0; i < n; ++i)
            out[i] += bar[i] * second[i] * dot[i];
        });
      });
      for (int side = 0; side < sides(k); ++side)
        if (double *out = of_operand(k, side, v.dbar, v.input_dbar)) {
          add_product(out, v.d[side] + k * B, v.dbar + k * B, n);
          // The partial by this side changes through either operand.
          for (int other = 0; other < sides(k); ++other)
            if (const double *dot = of_operand(k, other, v.dot, v.input_dot)) {
              const double *second = v.d[2 + side + other] + k * B, *bar = v.bar + k * B;
              for (std::size_t i = 0; i < n; ++i)
                out[i] += bar[i] * second[i] * dot[i];
            }
        }
    }
  }

  std::vector<std::vector<double>> columns_;
  std::vector<double> constants_;
  std::vector<Node> nodes_;
  std::vector<std::vector<std::size_t>> functions_; // the inputs that are each one's arguments
  std::vector<bool> follows_;                       // nodes that depend on the unknown
  std::size_t count_ = 0, width_ = 0;               // of inputs, and with the unknown
};

} // namespace

std::unique_ptr<Evaluator> make_tape(Divided law) { return std::make_unique<Tape>(std::move(law)); }

std::unique_ptr<UnknownTape> make_unknown_tape(Divided law) {
  return std::make_unique<Tape>(std::move(law), true);
}

} // namespace lawfit
