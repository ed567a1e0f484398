// A program run row by row with libm, as it is written: its value, its derivatives, and how far
// rounding may have moved them. The evaluators reorder, hoist and vectorise; to this they must
// agree wherever it is sure of itself.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "lawfit/program.hpp"
#include "lawfit/rules.hpp"

namespace fuzz {

constexpr std::size_t most_parameters = 8;

struct Traced {
  double value = 0;
  double slack = 0; // a bound on the error of the value, to first order
  bool sure = true; // no overflow, no kink, no cancellation that leaves a derivative undecided
  // By every parameter: the derivative, and the sum of the sizes that went into it.
  std::array<double, most_parameters> derivative{}, size{};
};

class Oracle {
public:
  Oracle(const lawfit::Program &program, const lawfit::Data &data, const std::vector<double> &theta)
      : program_(program), data_(data), theta_(theta) {}

  Traced row(std::size_t i) const {
    std::vector<Traced> done;
    bool sure = true; // of what nothing uses, too: 0 times its infinite slope is no number
    for (const lawfit::Instruction &in : program_.code()) {
      done.push_back(step(in, i, done));
      sure = sure && (done.back().sure || in.op == lawfit::Op::unknown);
    }
    done.back().sure = done.back().sure && sure;
    return done.back();
  }

private:
  static constexpr double eps = std::numeric_limits<double>::epsilon();

  Traced step(const lawfit::Instruction &in, std::size_t i, const std::vector<Traced> &done) const {
    using lawfit::Op;
    const auto a = static_cast<std::size_t>(in.a), b = static_cast<std::size_t>(in.b);
    Traced out;
    if (in.op == Op::constant)
      out.value = program_.constants()[a];
    else if (in.op == Op::column)
      out.value = data_.columns[a][i];
    else if (in.op == Op::parameter) {
      out.value = theta_[a];
      out.derivative[a] = out.size[a] = 1;
    } else if (in.op == Op::argument)
      out = done[a];
    else if (lawfit::is_row_function(in.op) || in.op == Op::unknown)
      out.sure = false;
    else if (lawfit::is_binary(in.op))
      two(in.op, done[a], done[b], out);
    else
      one(in.op, done[a], out);
    const double size = std::abs(out.value);
    out.sure = out.sure && (size == 0 || (size > 1e-100 && size < 1e100));
    return out;
  }

  static void one(lawfit::Op op, const Traced &x, Traced &out) {
    lawfit::UnaryPartials d{};
    lawfit::visit_unary(op, [&](auto rule) {
      out.value = rule.value(x.value);
      d = rule.partials(x.value, out.value);
    });
    out.sure = x.sure && std::abs(d.d2) * x.slack <= 1e-10 * std::abs(d.d1);
    if (op == lawfit::Op::abs)
      out.sure = x.sure && std::abs(x.value) > x.slack;
    const double own = op == lawfit::Op::exp || op == lawfit::Op::expm1 ? std::abs(x.value) : 0;
    out.slack = (4 + own) * eps * std::abs(out.value);
    add(d.d1, x, out);
  }

  static void two(lawfit::Op op, const Traced &x, const Traced &y, Traced &out) {
    lawfit::BinaryPartials d{};
    lawfit::visit_binary(op, [&](auto rule) {
      out.value = rule.value(x.value, y.value);
      d = rule.partials(x.value, y.value, out.value);
    });
    out.sure = x.sure && y.sure && steady(d.x, d.xx, d.xy, x, y) && steady(d.y, d.yy, d.xy, y, x);
    if (op == lawfit::Op::minimum || op == lawfit::Op::maximum || op == lawfit::Op::logaddexp)
      out.sure = out.sure && std::abs(x.value - y.value) > x.slack + y.slack;
    double own = 0;
    if (op == lawfit::Op::pow && x.value != 0)
      own = std::abs(y.value * std::log(std::abs(x.value)));
    out.slack = (4 + own) * eps * std::abs(out.value);
    add(d.x, x, out);
    add(d.y, y, out);
  }

  // Whether a partial derivative by x that counts is known to ten digits.
  static bool steady(double d, double along, double across, const Traced &x, const Traced &y) {
    bool counts = x.slack > 0;
    for (double size : x.size)
      counts = counts || size > 0;
    const double moves = (x.slack > 0 ? std::abs(along) * x.slack : 0) +
                         (y.slack > 0 ? std::abs(across) * y.slack : 0);
    return !counts || moves <= 1e-10 * std::abs(d);
  }

  static void add(double d, const Traced &x, Traced &out) {
    if (x.slack > 0)
      out.slack += std::abs(d) * x.slack;
    for (std::size_t k = 0; k < x.size.size(); ++k)
      if (x.size[k] > 0) {
        out.derivative[k] += d * x.derivative[k];
        out.size[k] += std::abs(d) * x.size[k];
      }
  }

  const lawfit::Program &program_;
  const lawfit::Data &data_;
  const std::vector<double> &theta_;
};

} // namespace fuzz
