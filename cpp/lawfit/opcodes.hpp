// The instructions a law is lowered to. Python reads this table through the binding, so the order
// and the names live here alone.
#pragma once

#include <cstdint>

namespace lawfit {

enum class Op : std::int32_t {
  // Leaves. a: index of the constant, parameter or column, 0 of the unknown.
  constant,
  parameter,
  column,
  unknown, // the law's own value, at the row
  // Areas of the LR schedule at the row's step. s2's a: the instruction that computes lambda.
  s1,
  s2,
  // Two operands, a and b: indices of earlier instructions.
  add,
  sub,
  mul,
  div,
  pow,
  minimum,
  maximum,
  logaddexp,
  // One operand, a.
  neg,
  exp,
  log,
  log1p,
  expm1,
  sqrt,
  sin,
  cos,
  tan,
  atan,
  tanh,
  expit,
  abs,
};

constexpr const char *op_names[] = {
    "constant", "parameter", "column",  "unknown", "s1",        "s2",   "add",  "sub",   "mul",
    "div",      "pow",       "minimum", "maximum", "logaddexp", "neg",  "exp",  "log",   "log1p",
    "expm1",    "sqrt",      "sin",     "cos",     "tan",       "atan", "tanh", "expit", "abs"};
constexpr int op_count = static_cast<int>(sizeof(op_names) / sizeof(op_names[0]));
static_assert(op_count == static_cast<int>(Op::abs) + 1);

constexpr bool is_leaf(Op op) { return op <= Op::unknown; }
constexpr bool is_binary(Op op) { return op >= Op::add && op <= Op::logaddexp; }

// value = op(a, b); constants, parameters and columns hold their index in a.
struct Instruction {
  Op op;
  std::int32_t a = 0;
  std::int32_t b = 0;
};

} // namespace lawfit
