// Laws of many shapes, for evaluators and whatever is built on them.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "toys.hpp"

namespace toys {

struct Law {
  std::string name;
  Program program;
  Point theta;
  bool is_terms; // a sum of products of powers
  bool on_curves = false;
  bool has_free_lambda() const { return on_curves && !is_terms; }
};

using Build = std::function<void(Formula &, std::vector<Expression> &)>;

inline Law law(const char *name, const Point &theta, bool is_terms, const Build &build) {
  Formula f;
  std::vector<Expression> p;
  for (std::size_t k = 0; k < theta.size(); ++k)
    p.push_back(f.parameter());
  build(f, p);
  const Program program = f.program();
  return {name, program, theta, is_terms, program.uses_schedule()};
}

inline std::vector<Law> laws() {
  using P = std::vector<Expression>;
  constexpr bool terms = true, tape = false;
  return {
      law("annealing", {2.6, 0.5, 0.4, 2}, terms,
          [](Formula &f, P &p) {
            p[0] + p[1] * pow(f.s1(), -p[2]) - p[3] * f.s2(f.number(0.999));
          }),
      law("annealing, free lambda", {2.6, 0.5, 0.4, 2, 0.997}, tape,
          [](Formula &f, P &p) { p[0] + p[1] * pow(f.s1(), -p[2]) - p[3] * f.s2(p[4]); }),
      law("two areas, one of a computed lambda", {2.6, 0.5, 5.0, 0.99}, tape,
          [](Formula &f, P &p) {
            p[0] - p[1] * f.s2(p[3]) * apply(Op::expit, p[2] + 100 * f.s2(apply(Op::expit, p[2])));
          }),
      law("chinchilla", {1.7, 406, 0.34, 410, 0.28}, terms,
          [](Formula &f, P &p) {
            p[0] + p[1] / pow(f.column(0), p[2]) + p[3] / pow(f.column(1), p[4]);
          }),
      law("henighan", {1.7, 8e13, 0.07}, terms,
          [](Formula &f, P &p) { p[0] + pow(p[1] / f.column(0), p[2]); }),
      law("kaplan", {8.8e13, 0.076, 5.4e13, 0.095}, tape,
          [](Formula &f, P &p) {
            pow(pow(p[0] / f.column(0), p[1] / p[3]) + p[2] / f.column(1), p[3]);
          }),
      law("exponential decay", {2.0, 1.5, 3.0}, terms,
          [](Formula &f, P &p) { p[0] + p[1] * exp(-(p[2] * f.column(2))); }),
      law("powers of products and quotients", {0.5, 0.2, 3.0}, terms,
          [](Formula &f, P &p) {
            p[2] * pow(f.column(0) * f.column(2) / f.column(1), -p[0]) *
                pow(f.column(1) / f.column(2), p[1]);
          }),
      law("powers of a product with a parameter", {0.5, 3.0}, terms,
          [](Formula &f, P &p) {
            pow(p[1] * f.column(0) / f.column(1) / f.column(2), -p[0]) + f.column(3);
          }),
      law("one exponent for two columns", {2.0, 0.3}, terms,
          [](Formula &f, P &p) { p[0] * (pow(f.column(0), p[1]) * pow(f.column(2), p[1])); }),
      law("shared exponents", {2.0, 300, 0.3, 500}, terms,
          [](Formula &f, P &p) {
            p[0] + p[1] * pow(f.column(0), -p[2]) +
                p[3] * pow(f.column(1), -p[2]) * pow(f.column(2), p[2]);
          }),
      law("a parameter as coefficient and exponent", {0.6, 1.3}, terms,
          [](Formula &f, P &p) { p[0] * pow(f.column(2), p[0]) + p[1] * exp(p[1] * f.column(3)); }),
      law("constant factors and terms", {300, 0.3, 2.0}, terms,
          [](Formula &f, P &p) {
            2.0 * (3.0 * p[0] * pow(f.column(0), -p[1])) + 1.5 + p[2] * f.column(3) / f.column(2);
          }),
      law("negated terms", {300, 0.3, 2.0, 1.0}, terms,
          [](Formula &f, P &p) {
            -(p[0] * pow(f.column(0), -p[1]) - p[2]) - (-(f.column(3) - p[3] * f.column(2)));
          }),
      law("nested powers", {2.0, 0.4, 0.6, 1.0}, terms,
          [](Formula &f, P &p) {
            p[3] + apply(Op::sqrt, pow(p[0] * pow(f.column(2), p[1]), p[2]) / f.column(2));
          }),
      law("the same column twice", {2.0, 0.4, 0.6}, terms,
          [](Formula &f, P &p) {
            p[0] * pow(f.column(0), -p[1]) * pow(f.column(0), p[2]) / f.column(0);
          }),
      law("coefficients made of parameters", {1.2, 0.7, 0.3}, terms,
          [](Formula &f, P &p) {
            exp(p[0]) * pow(f.column(2), p[1] * p[2]) + p[0] / p[1] * f.column(3);
          }),
      law("a line", {0.3, -2.0}, terms, [](Formula &f, P &p) { p[0] + p[1] * f.column(3); }),
      law("no row", {0.3, -2.0}, terms, [](Formula &, P &p) { p[0] * p[1] * p[1]; }),
      law("power of a sum", {0.3, 2.0}, tape,
          [](Formula &f, P &p) { pow(f.column(2) + p[0], -p[1]); }),
      law("every other operation", {0.8, 1.7, 0.4, 2.0}, tape,
          [](Formula &f, P &p) {
            const auto x = p[0] * f.column(3), y = p[1] + p[2] * f.column(2);
            auto sum = apply(Op::tanh, x);
            for (Op op : {Op::sin, Op::cos, Op::tan, Op::atan, Op::expit, Op::expm1, Op::exp})
              sum = sum + apply(op, x);
            for (Op op : {Op::log, Op::log1p, Op::sqrt, Op::abs})
              sum = sum * apply(op, y);
            for (Op op : {Op::logaddexp, Op::minimum, Op::maximum})
              sum = sum + p[3] * apply(op, 0.1 * x, y);
            -sum / y - x *x;
          }),
  };
}

inline Data data_of(const Law &law, std::size_t rows) {
  return law.on_curves ? curves(rows) : columns(rows);
}

// A relative step for differences by parameter k: a lambda has little room below 1.
inline double step(const Law &law, std::size_t k) {
  return law.on_curves && std::abs(law.theta[k] - 0.99) < 0.009 ? 2e-5 : 2e-3;
}

} // namespace toys
