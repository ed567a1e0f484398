#include "lawfit/program.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace lawfit {

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
    } else if (is_row_function(in.op)) {
      if (arguments(in) < 0 || (in.op == Op::external && in.b != external_arguments()))
        fail("it calls the caller's function with another number of arguments");
      for (std::int32_t j = 0; j < arguments(in); ++j)
        if (on_rows[earlier(in.a + j)])
          fail("the argument of an area depends on a column");
      on_rows[k] = true;
    } else {
      on_rows[k] = on_rows[earlier(in.a)];
      if (is_binary(in.op) && on_rows[earlier(in.b)])
        on_rows[k] = true;
    }
  }
}

int Program::external_arguments() const {
  const auto found = std::find_if(code_.begin(), code_.end(),
                                  [](const auto &in) { return in.op == Op::external; });
  return found == code_.end() ? -1 : found->b;
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
    else if (is_row_function(in.op)) {
      int most = 0;
      for (std::int32_t j = 0; j < arguments(in); ++j)
        most = std::max(most, of(in.a + j));
      degree.push_back(most > 0 ? 2 : 0);
    } else if (in.op == Op::add || in.op == Op::sub)
      degree.push_back(std::max(of(in.a), of(in.b)));
    else if (in.op == Op::mul)
      degree.push_back(std::min(2, of(in.a) + of(in.b)));
    else if (in.op == Op::div)
      degree.push_back(of(in.b) > 0 ? 2 : of(in.a));
    else if (in.op == Op::neg || in.op == Op::argument)
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

} // namespace lawfit
