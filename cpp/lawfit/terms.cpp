// The evaluator for sums of products of powers and exponentials,
//   f = Σ_k c_k · w_k · exp(Σ_j e_kj · l_kj),
// c_k and e_kj functions of the parameters, w_k and l_kj (log x, or x itself) of the data: most
// scaling laws are such sums.
#include "lawfit/evaluator.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "lawfit/products.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
constexpr std::size_t max_powers = 32; // of a term

class Terms final : public Evaluator {
public:
  Terms(SumOfProducts &&law, const std::vector<Column> &columns, std::size_t rows,
        const std::vector<bool> &may_centre)
      : Evaluator(std::move(law.scalars)), logs_(std::move(law.logs)) {
    for (std::size_t k = 0; k < logs_.size(); ++k)
      middles_.push_back(law.plain[k] && is_near_zero(logs_[k]) ? 0 : mean_of(logs_[k]));
    std::vector<bool> seen;
    for (Product &product : law.products) {
      Term term;
      const bool fixed = scalars_.is_constant(product.coefficient);
      const double factor = fixed ? scalars_.constant_value(product.coefficient) : 1;
      if (factor == 0)
        continue;
      if (!fixed) {
        const auto found = amplitude(product, law.products, may_centre);
        term.coefficient = use(found ? centre(product, *found) : input(product.coefficient), seen);
      }
      if (factor != 1 || !product.factors.empty() || !product.divisors.empty())
        term.weight = weight(product, factor, columns, rows);
      for (const auto &[log, exponent] : product.powers)
        term.powers.push_back({static_cast<std::size_t>(log), use(input(exponent), seen)});
      terms_.push_back(std::move(term));
    }
    count_ = inputs(Coordinates::natural).size();
    for (Column &log : logs_)
      pad(log);
    for (Term &term : terms_)
      if (!term.weight.empty())
        pad(term.weight);
  }

  std::unique_ptr<Evaluator> clone() const override { return std::make_unique<Terms>(*this); }
  void take_rows(const Evaluator &whole, const std::size_t *rows, std::size_t n) override {
    const auto &from = dynamic_cast<const Terms &>(whole);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      if (!terms_[k].weight.empty())
        take(from.terms_[k].weight, rows, n, terms_[k].weight);
      for (const Power &power : terms_[k].powers)
        take(from.logs_[power.log], rows, n, logs_[power.log]);
    }
  }

  bool cheap_hessian() const override { return true; }
  const char *name() const override { return "terms"; }
  std::size_t scratch() const override { return count_ + terms_.size() * B; }

  void begin(const double *inputs, double *scratch) const override {
    std::copy_n(inputs, count_, scratch);
  }

  void evaluate(std::size_t first, std::size_t n, const RowValues *, double *f, double *jac,
                double *scratch) const override {
    const double *logs[max_powers], *q = scratch;
    double exponents[max_powers];
    simd::TermRow by_exponent[max_powers];
    if (terms_.empty())
      std::fill_n(f, n, 0.0);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const Term &term = terms_[k];
      const auto derivative = [&](const Use &of) {
        return simd::TermRow{jac + static_cast<std::size_t>(of.input) * B, of.again};
      };
      simd::TermRows out{
          shape(scratch, k), f, k > 0, {nullptr, false}, jac ? by_exponent : nullptr};
      if (jac && term.coefficient.input >= 0)
        out.by_coefficient = derivative(term.coefficient);
      for (std::size_t j = 0; j < term.powers.size(); ++j) {
        const auto &[log, exponent] = term.powers[j];
        logs[j] = logs_[log].data() + first;
        exponents[j] = q[exponent.input];
        if (jac)
          by_exponent[j] = derivative(exponent);
      }
      simd::add_term({static_cast<int>(term.powers.size()), logs, exponents,
                      term.weight.empty() ? nullptr : term.weight.data() + first,
                      coefficient(term, q)},
                     n, out);
    }
  }

  void add_hessian(std::size_t first, std::size_t n, const RowValues *, const double *c,
                   double *hess, double *scratch) const override {
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const Term &term = terms_[k];
      const double value = coefficient(term, scratch);
      for (std::size_t j = 0; j < term.powers.size(); ++j)
        for (std::size_t l = 0; l <= j; ++l) {
          double moments[2] = {0, 0}; // Σ c·shape·l_j and that times l_l
          simd::add_moments(c, shape(scratch, k), logs_[term.powers[j].log].data() + first,
                            logs_[term.powers[l].log].data() + first, n, moments);
          const int exponent = term.powers[j].exponent.input;
          if (l == 0 && term.coefficient.input >= 0)
            add(hess, term.coefficient.input, exponent, moments[0], false);
          add(hess, exponent, term.powers[l].exponent.input, value * moments[1], l == j);
        }
    }
  }

private:
  // An input where it stands, or none; `again` where it stood before.
  struct Use {
    int input = -1;
    bool again = false;
  };
  struct Power {
    std::size_t log; // index in logs_
    Use exponent;
  };
  struct Term {
    Use coefficient;
    Column weight; // w_k, empty where it is 1
    std::vector<Power> powers;
  };

  static Use use(int input, std::vector<bool> &seen) {
    const auto k = static_cast<std::size_t>(input);
    seen.resize(std::max(seen.size(), k + 1));
    const bool again = seen[k];
    seen[k] = true;
    return {input, again};
  }

  // Kernels take whole parts, from any row on.
  static constexpr std::size_t padding = simd::sum_parts;
  static void pad(Column &column) { column.resize(column.size() + padding); }
  static void take(const Column &from, const std::size_t *rows, std::size_t n, Column &to) {
    gather(from, rows, n, to);
    std::fill_n(to.data() + n, padding, 0.0);
  }

  static double coefficient(const Term &term, const double *q) {
    return term.coefficient.input < 0 ? 1.0 : q[term.coefficient.input];
  }
  double *shape(double *scratch, std::size_t k) const { return scratch + count_ + k * B; }

  // An input that stands twice in a term has the mixed entry counted for both orders.
  void add(double *hess, int a, int b, double sum, bool same_place) const {
    hess[static_cast<std::size_t>(std::max(a, b)) * count_ +
         static_cast<std::size_t>(std::min(a, b))] += a == b && !same_place ? 2 * sum : sum;
  }

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

  // Shifts the term's logarithms to middle 0; the coefficient takes up exp(Σ e·mean).
  int centre(Product &product, const Amplitude &amplitude) {
    int shift = scalars_.constant(0);
    for (auto &[log, exponent] : product.powers) {
      Column values = logs_[static_cast<std::size_t>(log)];
      const double middle = middles_[static_cast<std::size_t>(log)];
      for (double &value : values)
        value -= middle;
      logs_.push_back(std::move(values));
      log = static_cast<int>(logs_.size()) - 1;
      shift = scalars_.apply(Op::add, shift,
                             scalars_.apply(Op::mul, exponent, scalars_.constant(middle)));
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

  // An exponential may vanish within a few of the rows, and its value in the middle with it,
  // whereas that at 0 lies close by.
  static bool is_near_zero(const Column &values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const double width = *most - *least;
    return *most > -width && *least < width;
  }

  static Column weight(const Product &product, double factor, const std::vector<Column> &columns,
                       std::size_t rows) {
    Column values(rows, factor);
    for (int k : product.factors)
      for (std::size_t i = 0; i < rows; ++i)
        values[i] *= columns[static_cast<std::size_t>(k)][i];
    for (int k : product.divisors)
      for (std::size_t i = 0; i < rows; ++i)
        values[i] /= columns[static_cast<std::size_t>(k)][i];
    return values;
  }

  std::vector<Column> logs_;
  std::vector<double> middles_; // of what terms are centred at
  std::vector<Term> terms_;
  std::size_t count_ = 0; // of inputs
};

} // namespace

std::unique_ptr<Evaluator> make_terms(const Divided &law, std::size_t rows,
                                      const std::vector<bool> &may_centre) {
  std::optional<SumOfProducts> sum = as_products(law);
  if (!sum || std::any_of(sum->products.begin(), sum->products.end(), [](const Product &product) {
        return product.powers.size() > max_powers;
      }))
    return nullptr;
  return std::make_unique<Terms>(std::move(*sum), law.columns, rows, may_centre);
}

} // namespace lawfit
