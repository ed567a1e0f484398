#include "lawfit/products.hpp"

#include <cmath>
#include <utility>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

using Kind = Ref::Kind;

// Reads a divided law as a sum of products; gives up (ok() == false) at anything else.
class Recogniser {
public:
  explicit Recogniser(const Divided &law) : law_(law), out_{law.scalars, {}, {}, {}} {}

  std::optional<SumOfProducts> run() {
    out_.products =
        sum({Kind::node, static_cast<int>(law_.nodes.size()) - 1}, scalars().constant(1));
    if (!ok_)
      return std::nullopt;
    return std::move(out_);
  }

private:
  ScalarProgram &scalars() { return out_.scalars; }
  const Divided::Node &node(Ref ref) {
    ok_ = ok_ && --nodes_left_ > 0;
    return law_.nodes[static_cast<std::size_t>(ref.index)];
  }
  const Column &column(int k) const { return law_.columns[static_cast<std::size_t>(k)]; }
  int scalar(Ref ref) {
    return ref.kind == Kind::scalar
               ? ref.index
               : scalars().constant(law_.constants[static_cast<std::size_t>(ref.index)]);
  }
  static bool is_number(Ref ref) { return ref.kind == Kind::constant || ref.kind == Kind::scalar; }

  Product fail() {
    ok_ = false;
    return {scalars().constant(0), {}, {}, {}};
  }

  std::vector<Product> sum(Ref ref, int sign) {
    if (!ok_)
      return {};
    if (ref.kind == Kind::node) {
      const auto &[op, a, b, function] = node(ref);
      if (op == Op::neg)
        return sum(a, scalars().apply(Op::neg, sign));
      if (op == Op::add || op == Op::sub) {
        std::vector<Product> all = sum(a, sign);
        for (Product &term : sum(b, op == Op::sub ? scalars().apply(Op::neg, sign) : sign))
          all.push_back(std::move(term));
        return all;
      }
    }
    Product term = product(ref);
    if (scalars().is_constant(sign) && scalars().constant_value(sign) < 0)
      term.coefficient = scalars().apply(Op::neg, term.coefficient);
    return {std::move(term)};
  }

  Product product(Ref ref) {
    if (!ok_)
      return fail();
    if (is_number(ref))
      return {scalar(ref), {}, {}, {}};
    if (ref.kind == Kind::column)
      return {scalars().constant(1), {ref.index}, {}, {}};
    const auto &[op, a, b, function] = node(ref);
    switch (op) {
    case Op::neg: {
      Product term = product(a);
      term.coefficient = scalars().apply(Op::neg, term.coefficient);
      return term;
    }
    case Op::mul:
    case Op::div:
      return times(product(a), product(b), op);
    case Op::pow:
      return is_number(b) ? power(product(a), scalar(b)) : fail();
    case Op::sqrt:
      return power(product(a), scalars().constant(0.5));
    case Op::exp:
      return exponential(product(a));
    default:
      return fail();
    }
  }

  Product times(Product left, const Product &right, Op op) {
    const bool divide = op == Op::div;
    left.coefficient = scalars().apply(op, left.coefficient, right.coefficient);
    const auto append = [](std::vector<int> &to, const std::vector<int> &from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(left.factors, divide ? right.divisors : right.factors);
    append(left.divisors, divide ? right.factors : right.divisors);
    for (const auto &[log, exponent] : right.powers)
      add_power(left, log, divide ? scalars().apply(Op::neg, exponent) : exponent);
    return left;
  }

  void add_power(Product &term, int log, int exponent) {
    for (Product::Power &power : term.powers)
      if (power.column == log) {
        power.exponent = scalars().apply(Op::add, power.exponent, exponent);
        return;
      }
    term.powers.push_back({log, exponent});
  }

  // (c·x·…)^e = c^e·exp(e·log x)·…, which holds where every column is positive: c is then positive
  // too wherever the power has a value.
  Product power(const Product &base, int exponent) {
    Product term{scalars().is_constant(base.coefficient) &&
                         scalars().constant_value(base.coefficient) == 1
                     ? base.coefficient
                     : scalars().apply(Op::pow, base.coefficient, exponent),
                 {},
                 {},
                 {}};
    for (int factor : base.factors)
      add_power(term, log_of(factor), exponent);
    for (int divisor : base.divisors)
      add_power(term, log_of(divisor), scalars().apply(Op::neg, exponent));
    for (const auto &[log, inner] : base.powers)
      add_power(term, log, scalars().apply(Op::mul, inner, exponent));
    return term;
  }

  // exp(c·x), x data.
  Product exponential(const Product &argument) {
    if (!argument.powers.empty() || argument.factors.size() != 1 || !argument.divisors.empty())
      return fail();
    return {scalars().constant(1),
            {},
            {},
            {{keep(column(argument.factors.front()), true), argument.coefficient}}};
  }

  int log_of(int k) {
    Column values = column(k);
    for (double x : values)
      ok_ = ok_ && x > 0 && std::isfinite(x);
    simd::log(values.data(), values.data(), values.size());
    return keep(std::move(values), false);
  }

  int keep(Column values, bool plain) {
    for (std::size_t k = 0; k < out_.logs.size(); ++k)
      if (out_.logs[k] == values && out_.plain[k] == plain)
        return static_cast<int>(k);
    out_.logs.push_back(std::move(values));
    out_.plain.push_back(plain);
    return static_cast<int>(out_.logs.size()) - 1;
  }

  const Divided &law_;
  SumOfProducts out_;
  bool ok_ = true;
  // A node read twice counts twice: shared expressions of shared expressions would be endless.
  int nodes_left_ = 4096;
};

} // namespace

std::optional<SumOfProducts> as_products(const Divided &law) { return Recogniser(law).run(); }

} // namespace lawfit
