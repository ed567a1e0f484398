// The evaluator for sums of products of powers and exponentials,
//   f = Σ_k c_k · w_k · exp(Σ_j e_kj · l_kj),
// c_k and e_kj functions of the parameters, w_k and l_kj (log x, or x itself) of the data: most
// scaling laws are such sums.
#include "lawfit/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
using Kind = Ref::Kind;
using Column = std::vector<double>;

// One product as it is recognised. Scalars are instructions of a ScalarProgram.
struct Product {
  struct Power {
    int column;   // index in Recogniser::logs
    int exponent; // scalar
  };
  int coefficient;           // scalar
  std::vector<int> factors;  // data columns multiplied in
  std::vector<int> divisors; // data columns divided by
  std::vector<Power> powers;
};

// Reads a divided law as a sum of products; gives up (ok() == false) at anything else.
class Recogniser {
public:
  explicit Recogniser(const Divided &law) : law_(law), scalars(law.scalars) {
    products = sum({Kind::node, static_cast<int>(law.nodes.size()) - 1}, scalars.constant(1));
  }
  bool ok() const { return ok_; }

private:
  const Divided &law_;
  bool ok_ = true;
  // A node read twice counts twice: shared expressions of shared expressions would be endless.
  int nodes_left_ = 4096;

public:
  ScalarProgram scalars;
  std::vector<Product> products;
  std::vector<Column> logs; // what stands in exponents

private:
  const Divided::Node &node(Ref ref) {
    ok_ = ok_ && --nodes_left_ > 0;
    return law_.nodes[static_cast<std::size_t>(ref.index)];
  }
  const Column &column(int k) const { return law_.columns[static_cast<std::size_t>(k)]; }
  int scalar(Ref ref) {
    return ref.kind == Kind::scalar
               ? ref.index
               : scalars.constant(law_.constants[static_cast<std::size_t>(ref.index)]);
  }
  static bool is_number(Ref ref) { return ref.kind == Kind::constant || ref.kind == Kind::scalar; }

  Product fail() {
    ok_ = false;
    return {scalars.constant(0), {}, {}, {}};
  }

  std::vector<Product> sum(Ref ref, int sign) {
    if (!ok_)
      return {};
    if (ref.kind == Kind::node) {
      const auto &[op, a, b, function] = node(ref);
      if (op == Op::neg)
        return sum(a, scalars.apply(Op::neg, sign));
      if (op == Op::add || op == Op::sub) {
        std::vector<Product> all = sum(a, sign);
        for (Product &term : sum(b, op == Op::sub ? scalars.apply(Op::neg, sign) : sign))
          all.push_back(std::move(term));
        return all;
      }
    }
    Product term = product(ref);
    if (scalars.is_constant(sign) && scalars.constant_value(sign) < 0)
      term.coefficient = scalars.apply(Op::neg, term.coefficient);
    return {std::move(term)};
  }

  Product product(Ref ref) {
    if (!ok_)
      return fail();
    if (is_number(ref))
      return {scalar(ref), {}, {}, {}};
    if (ref.kind == Kind::column)
      return {scalars.constant(1), {ref.index}, {}, {}};
    const auto &[op, a, b, function] = node(ref);
    switch (op) {
    case Op::neg: {
      Product term = product(a);
      term.coefficient = scalars.apply(Op::neg, term.coefficient);
      return term;
    }
    case Op::mul:
    case Op::div:
      return times(product(a), product(b), op);
    case Op::pow:
      return is_number(b) ? power(product(a), scalar(b)) : fail();
    case Op::sqrt:
      return power(product(a), scalars.constant(0.5));
    case Op::exp:
      return exponential(product(a));
    default:
      return fail();
    }
  }

  Product times(Product left, const Product &right, Op op) {
    const bool divide = op == Op::div;
    left.coefficient = scalars.apply(op, left.coefficient, right.coefficient);
    const auto append = [](std::vector<int> &to, const std::vector<int> &from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(left.factors, divide ? right.divisors : right.factors);
    append(left.divisors, divide ? right.factors : right.divisors);
    for (const auto &[log, exponent] : right.powers)
      add_power(left, log, divide ? scalars.apply(Op::neg, exponent) : exponent);
    return left;
  }

  void add_power(Product &term, int log, int exponent) {
    for (Product::Power &power : term.powers)
      if (power.column == log) {
        power.exponent = scalars.apply(Op::add, power.exponent, exponent);
        return;
      }
    term.powers.push_back({log, exponent});
  }

  // (c·x·…)^e = c^e·exp(e·log x)·…, which holds where every column is positive: c is then positive
  // too wherever the power has a value.
  Product power(const Product &base, int exponent) {
    Product term{scalars.is_constant(base.coefficient) &&
                         scalars.constant_value(base.coefficient) == 1
                     ? base.coefficient
                     : scalars.apply(Op::pow, base.coefficient, exponent),
                 {},
                 {},
                 {}};
    for (int factor : base.factors)
      add_power(term, log_of(factor), exponent);
    for (int divisor : base.divisors)
      add_power(term, log_of(divisor), scalars.apply(Op::neg, exponent));
    for (const auto &[log, inner] : base.powers)
      add_power(term, log, scalars.apply(Op::mul, inner, exponent));
    return term;
  }

  // exp(c·x), x data.
  Product exponential(const Product &argument) {
    if (!argument.powers.empty() || argument.factors.size() != 1 || !argument.divisors.empty())
      return fail();
    return {scalars.constant(1),
            {},
            {},
            {{keep(column(argument.factors.front())), argument.coefficient}}};
  }

  int log_of(int k) {
    Column values = column(k);
    for (double &x : values) {
      ok_ = ok_ && x > 0 && std::isfinite(x);
      x = std::log(x);
    }
    return keep(std::move(values));
  }

  int keep(Column values) {
    for (std::size_t k = 0; k < logs.size(); ++k)
      if (logs[k] == values)
        return static_cast<int>(k);
    logs.push_back(std::move(values));
    return static_cast<int>(logs.size()) - 1;
  }
};

class Terms final : public Evaluator {
public:
  Terms(Recogniser &&read, const Divided &law, std::size_t rows,
        const std::vector<bool> &may_centre)
      : Evaluator(std::move(read.scalars)), logs_(std::move(read.logs)) {
    for (Product &product : read.products) {
      Term term;
      const bool fixed = scalars_.is_constant(product.coefficient);
      const double factor = fixed ? scalars_.constant_value(product.coefficient) : 1;
      if (factor == 0)
        continue;
      if (!fixed) {
        const auto found = amplitude(product, read.products, may_centre);
        term.coefficient = found ? centre(product, *found) : input(product.coefficient);
      }
      if (factor != 1 || !product.factors.empty() || !product.divisors.empty())
        term.weight = weight(product, factor, law, rows);
      for (const auto &[log, exponent] : product.powers)
        term.powers.push_back({static_cast<std::size_t>(log), input(exponent)});
      terms_.push_back(std::move(term));
    }
    count_ = inputs(Coordinates::natural).size();
  }

  std::unique_ptr<Evaluator> clone() const override { return std::make_unique<Terms>(*this); }
  void take_rows(const Evaluator &whole, const std::size_t *rows, std::size_t n) override {
    const auto &from = dynamic_cast<const Terms &>(whole);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      if (!terms_[k].weight.empty())
        gather(from.terms_[k].weight, rows, n, terms_[k].weight);
      for (const Power &power : terms_[k].powers)
        gather(from.logs_[power.log], rows, n, logs_[power.log]);
    }
  }

  bool cheap_hessian() const override { return true; }
  const char *name() const override { return "terms"; }
  std::size_t scratch() const override { return count_ + (2 * terms_.size() + 1) * B; }

  void begin(const double *inputs, double *scratch) const override {
    std::copy_n(inputs, count_, scratch);
  }

  void evaluate(std::size_t first, std::size_t n, const RowValues *, double *f, double *jac,
                double *scratch) const override {
    const double *q = scratch;
    std::fill_n(f, n, 0.0);
    if (jac)
      std::fill_n(jac, count_ * B, 0.0);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const Term &term = terms_[k];
      double *shape = shapes(scratch) + 2 * k * B, *value = shape + B;
      basis(term, q, first, n, shape);
      const double c = term.coefficient < 0 ? 1.0 : q[term.coefficient];
      for (std::size_t i = 0; i < n; ++i) {
        value[i] = c * shape[i];
        f[i] += value[i];
      }
      if (!jac)
        continue;
      if (term.coefficient >= 0) {
        double *row = jac + static_cast<std::size_t>(term.coefficient) * B;
        for (std::size_t i = 0; i < n; ++i)
          row[i] += shape[i];
      }
      for (const Power &power : term.powers) {
        double *row = jac + static_cast<std::size_t>(power.exponent) * B;
        const double *log = logs_[power.log].data() + first;
        for (std::size_t i = 0; i < n; ++i)
          row[i] += value[i] * log[i];
      }
    }
  }

  void add_hessian(std::size_t first, std::size_t n, const RowValues *, const double *c,
                   double *hess, double *scratch) const override {
    const auto m = static_cast<int>(count_);
    double *weighted = shapes(scratch) + 2 * terms_.size() * B;
    const auto add = [&](int a, int b, double sum) {
      // An input may stand twice in a term: the mixed entry then counts for both orders.
      hess[std::max(a, b) * m + std::min(a, b)] += sum;
    };
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const Term &term = terms_[k];
      const double *shape = shapes(scratch) + 2 * k * B, *value = shape + B;
      for (std::size_t j = 0; j < term.powers.size(); ++j) {
        const auto &[log, exponent] = term.powers[j];
        const double *by = logs_[log].data() + first;
        if (term.coefficient >= 0) {
          multiply(c, shape, n, weighted);
          const double sum = dot(weighted, by, n);
          add(term.coefficient, exponent, term.coefficient == exponent ? 2 * sum : sum);
        }
        multiply(c, value, n, weighted);
        multiply(weighted, by, n, weighted);
        for (std::size_t l = 0; l <= j; ++l) {
          const auto &[other_log, other] = term.powers[l];
          const double sum = dot(weighted, logs_[other_log].data() + first, n);
          add(exponent, other, l != j && exponent == other ? 2 * sum : sum);
        }
      }
    }
  }

private:
  struct Power {
    std::size_t log; // index in logs_
    int exponent;    // input
  };
  struct Term {
    int coefficient = -1; // input, or none
    Column weight;        // w_k, empty where it is 1
    std::vector<Power> powers;
  };

  // A coefficient p or p^e whose parameter p stands nowhere else.
  struct Amplitude {
    int parameter, exponent;
  };
  std::optional<Amplitude> amplitude(const Product &product, const std::vector<Product> &all,
                                     const std::vector<bool> &may_centre) {
    if (product.powers.empty())
      return std::nullopt;
    Instruction in = scalars_.instruction(product.coefficient);
    int exponent = scalars_.constant(1);
    if (in.op == Op::pow) {
      exponent = in.b;
      in = scalars_.instruction(in.a);
    }
    if (in.op != Op::parameter || !may_centre[static_cast<std::size_t>(in.a)] ||
        scalars_.depends(exponent, in.a))
      return std::nullopt;
    for (const Product &other : all) {
      if (&other != &product && scalars_.depends(other.coefficient, in.a))
        return std::nullopt;
      for (const auto &[log, power] : other.powers)
        if (scalars_.depends(power, in.a))
          return std::nullopt;
    }
    return Amplitude{in.a, exponent};
  }

  // Shifts the term's logarithms to mean 0; the coefficient takes up exp(Σ e·mean).
  int centre(Product &product, const Amplitude &amplitude) {
    int shift = scalars_.constant(0);
    for (auto &[log, exponent] : product.powers) {
      Column values = logs_[static_cast<std::size_t>(log)];
      const double mean = mean_of(values);
      for (double &value : values)
        value -= mean;
      logs_.push_back(std::move(values));
      log = static_cast<int>(logs_.size()) - 1;
      shift = scalars_.apply(Op::add, shift,
                             scalars_.apply(Op::mul, exponent, scalars_.constant(mean)));
    }
    const int ratio = scalars_.apply(Op::exp, shift);
    centres_.push_back({amplitude.parameter, amplitude.exponent, ratio});
    return input(scalars_.apply(Op::mul, product.coefficient, ratio),
                 scalars_.apply(Op::parameter, amplitude.parameter));
  }

  // Of equal values exactly their value: what rounding left of it would be all that varies.
  static double mean_of(const Column &values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least == *most)
      return *least;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }

  static Column weight(const Product &product, double factor, const Divided &law,
                       std::size_t rows) {
    Column values(rows, factor);
    for (int k : product.factors)
      for (std::size_t i = 0; i < rows; ++i)
        values[i] *= law.columns[static_cast<std::size_t>(k)][i];
    for (int k : product.divisors)
      for (std::size_t i = 0; i < rows; ++i)
        values[i] /= law.columns[static_cast<std::size_t>(k)][i];
    return values;
  }

  double *shapes(double *scratch) const { return scratch + count_; }

  // w·exp(Σ e·l)
  void basis(const Term &term, const double *q, std::size_t first, std::size_t n,
             double *out) const {
    std::fill_n(out, n, term.powers.empty() ? 1.0 : 0.0);
    for (const auto &[log, exponent] : term.powers) {
      const double e = q[exponent];
      const double *by = logs_[log].data() + first;
      for (std::size_t i = 0; i < n; ++i)
        out[i] += e * by[i];
    }
    if (!term.powers.empty())
      simd::exp(out, out, n);
    if (!term.weight.empty())
      multiply(out, term.weight.data() + first, n, out);
  }

  static void multiply(const double *x, const double *y, std::size_t n, double *out) {
    for (std::size_t i = 0; i < n; ++i)
      out[i] = x[i] * y[i];
  }
  static double dot(const double *x, const double *y, std::size_t n) {
    double sum = 0;
    simd::add_product(x, n, 1, y, n, &sum);
    return sum;
  }

  std::vector<Column> logs_;
  std::vector<Term> terms_;
  std::size_t count_ = 0; // of inputs
};

} // namespace

std::unique_ptr<Evaluator> make_terms(const Divided &law, std::size_t rows,
                                      const std::vector<bool> &may_centre) {
  Recogniser read(law);
  if (!read.ok())
    return nullptr;
  return std::make_unique<Terms>(std::move(read), law, rows, may_centre);
}

} // namespace lawfit
