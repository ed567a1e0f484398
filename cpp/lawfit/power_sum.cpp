#include "lawfit/power_sum.hpp"

#include <cmath>

namespace lawfit {
namespace {

// A number times at most one parameter.
struct Scalar {
  double factor;
  int parameter;
};

class Reader {
public:
  Reader(const Program &program, const std::vector<double> &theta, const std::vector<bool> &free)
      : program_(program), theta_(theta), index_(free.size(), -1) {
    for (std::size_t k = 0; k < free.size(); ++k)
      if (free[k])
        index_[k] = law_.parameters++;
  }

  std::optional<PowerSum> read() {
    if (law_.parameters < 1 || law_.parameters > max_power_parameters ||
        !sum(static_cast<int>(program_.code().size()) - 1, 1) ||
        law_.terms.size() > max_power_terms)
      return std::nullopt;
    return law_;
  }

private:
  const Instruction &at(int node) const { return program_.code()[static_cast<std::size_t>(node)]; }

  bool sum(int node, double sign) {
    if (--nodes_left_ < 0)
      return false;
    const Instruction &in = at(node);
    if (in.op == Op::neg)
      return sum(in.a, -sign);
    if (in.op == Op::add || in.op == Op::sub)
      return sum(in.a, sign) && sum(in.b, in.op == Op::sub ? -sign : sign);
    std::optional<PowerTerm> term = product(node);
    if (!term || (term->coefficient >= 0 && term->coefficient == term->exponent))
      return false;
    term->factor *= sign;
    law_.terms.push_back(*term);
    return true;
  }

  std::optional<PowerTerm> product(int node) {
    if (--nodes_left_ < 0)
      return std::nullopt;
    PowerTerm term;
    if (const auto number = scalar(node)) {
      term.factor = number->factor;
      term.coefficient = number->parameter;
      return term;
    }
    const Instruction &in = at(node);
    switch (in.op) {
    case Op::s1:
      term.shift = 1;
      return term;
    case Op::s2:
      if (!decay(in.a))
        return std::nullopt;
      term.annealing = true;
      return term;
    case Op::neg: {
      auto inner = product(in.a);
      if (inner)
        inner->factor = -inner->factor;
      return inner;
    }
    case Op::mul:
      return times(product(in.a), product(in.b));
    case Op::div:
      return times(product(in.a), inverse(product(in.b)));
    case Op::pow:
      return power(product(in.a), scalar(in.b));
    default:
      return std::nullopt;
    }
  }

  static std::optional<PowerTerm> times(std::optional<PowerTerm> a,
                                        const std::optional<PowerTerm> &b) {
    if (!a || !b || (a->coefficient >= 0 && b->coefficient >= 0) ||
        (a->exponent >= 0 && b->exponent >= 0) || (a->annealing && b->annealing))
      return std::nullopt;
    a->factor *= b->factor;
    a->shift += b->shift;
    if (b->coefficient >= 0)
      a->coefficient = b->coefficient;
    if (b->exponent >= 0) {
      a->exponent = b->exponent;
      a->slope = b->slope;
    }
    a->annealing = a->annealing || b->annealing;
    return a;
  }

  static std::optional<PowerTerm> inverse(std::optional<PowerTerm> term) {
    if (!term || term->coefficient >= 0 || term->annealing || term->factor == 0)
      return std::nullopt;
    term->factor = 1 / term->factor;
    term->shift = -term->shift;
    term->slope = -term->slope;
    return term;
  }

  // (S1^shift)^e
  static std::optional<PowerTerm> power(std::optional<PowerTerm> base,
                                        const std::optional<Scalar> &e) {
    if (!base || !e || base->coefficient >= 0 || base->exponent >= 0 || base->annealing ||
        base->factor != 1)
      return std::nullopt;
    base->exponent = e->parameter;
    base->slope = e->parameter < 0 ? 0 : base->shift * e->factor;
    base->shift = e->parameter < 0 ? base->shift * e->factor : 0;
    return base;
  }

  std::optional<Scalar> scalar(int node) {
    if (--nodes_left_ < 0)
      return std::nullopt;
    const Instruction &in = at(node);
    if (in.op == Op::constant)
      return Scalar{program_.constants()[static_cast<std::size_t>(in.a)], -1};
    if (in.op == Op::parameter) {
      const auto k = static_cast<std::size_t>(in.a);
      return index_[k] < 0 ? Scalar{theta_[k], -1} : Scalar{1, index_[k]};
    }
    if (in.op == Op::argument)
      return scalar(in.a);
    if (in.op == Op::neg) {
      auto inner = scalar(in.a);
      if (inner)
        inner->factor = -inner->factor;
      return inner;
    }
    if (in.op != Op::mul && in.op != Op::div)
      return std::nullopt;
    const auto a = scalar(in.a), b = a ? scalar(in.b) : std::nullopt;
    if (!b || (b->parameter >= 0 && (a->parameter >= 0 || in.op == Op::div)))
      return std::nullopt;
    return Scalar{in.op == Op::mul ? a->factor * b->factor : a->factor / b->factor,
                  b->parameter >= 0 ? b->parameter : a->parameter};
  }

  bool decay(int node) {
    const auto lam = scalar(node);
    if (!lam || lam->parameter >= 0 || (has_lam_ && lam->factor != law_.lam))
      return false;
    law_.lam = lam->factor;
    has_lam_ = true;
    return true;
  }

  const Program &program_;
  const std::vector<double> &theta_;
  std::vector<int> index_; // among the free parameters, or -1
  PowerSum law_;
  bool has_lam_ = false;
  // An instruction read twice counts twice.
  int nodes_left_ = 1024;
};

} // namespace

std::optional<PowerSum> read_power_sum(const Program &program, const std::vector<double> &theta,
                                       const std::vector<bool> &free) {
  return Reader(program, theta, free).read();
}

void PowerRows::clear() {
  log_s1.clear();
  s2.clear();
  target.clear();
}

void PowerRows::append(double x, double area, double y) {
  log_s1.push_back(x);
  s2.push_back(area);
  target.push_back(y);
}

} // namespace lawfit
