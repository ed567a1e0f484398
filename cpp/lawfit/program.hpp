// A law as a straight-line program, and its division into what depends on data alone (computed once
// a problem), on parameters alone (once an evaluation) and on both (once a row).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lawfit/opcodes.hpp"
#include "lawfit/row_function.hpp"
#include "lawfit/schedule.hpp"

namespace lawfit {

// Instructions in order of evaluation; the last one is the law's value.
class Program {
public:
  // Throws std::invalid_argument for an operand that is not an earlier instruction, a leaf out of
  // range, or a row function whose argument depends on a column.
  Program(std::vector<Instruction> code, std::vector<double> constants, int parameters,
          int columns);

  const std::vector<Instruction> &code() const { return code_; }
  const std::vector<double> &constants() const { return constants_; }
  int parameters() const { return parameters_; }
  int columns() const { return columns_; }
  bool uses_schedule() const;
  // The number of arguments of the caller's function, or -1 where there is none.
  int external_arguments() const;
  // Whether the law's own value stands in it.
  bool is_implicit() const;
  // Which of the free parameters the law is linear in, all of them together: the law is then
  // b_0 + Σ a_k·b_k with every b_k free of them. Greedy, in the parameters' order. None of an
  // implicit law.
  std::vector<bool> linear_parameters(const std::vector<bool> &free) const;

private:
  bool is_linear_in(const std::vector<bool> &parameters) const;

  std::vector<Instruction> code_;
  std::vector<double> constants_;
  int parameters_;
  int columns_;
};

// Rows begin … end-1 belong to one schedule; their steps ascend.
struct Track {
  std::shared_ptr<const Schedule> schedule;
  std::size_t begin = 0, end = 0;
};

// What the rows hold. `steps` and `tracks` are empty when the law has no areas.
struct Data {
  std::size_t rows = 0;
  std::vector<std::vector<double>> columns;
  std::vector<std::int64_t> steps;
  std::vector<Track> tracks;
  Warmup warmup = Warmup::actual;
  Detail detail = Detail::fine; // of the loss drop
  // What Op::external stands for.
  std::shared_ptr<const RowFunction> external;

  // Any output may be null.
  void areas(double lam, double *s1, double *s2, double *ds2, double *d2s2, Cancel &cancel) const;
};

// Where an operand's values come from.
struct Ref {
  enum class Kind { constant, column, scalar, node, unknown } kind = Kind::constant;
  int index = 0;
};

// Scalars computed from the free parameters, with exact first and second derivatives carried
// forward. Instructions' leaves are constants and free parameters.
class ScalarProgram {
public:
  explicit ScalarProgram(int parameters) : parameters_(parameters) {}

  // Indices of instructions, shared where the same one exists already.
  int constant(double value);
  int parameter(int index);
  int apply(Op op, int a, int b = 0);

  bool is_constant(int node) const;
  double constant_value(int node) const;
  const Instruction &instruction(int node) const { return code_[static_cast<std::size_t>(node)]; }
  bool depends(int node, int parameter) const;
  // Of every instruction, the one that has its value when these parameters are logarithms of what
  // they were.
  std::vector<int> of_logarithms(const std::vector<bool> &parameters);
  int parameters() const { return parameters_; }
  std::size_t size() const { return code_.size(); }
  // Doubles of scratch that evaluate() needs.
  std::size_t scratch() const;

  // Values of all instructions; with order >= 1 their gradients (p each), with order 2 their
  // Hessians (p×p each), laid out one instruction after the other.
  struct Values {
    const double *value, *gradient, *hessian;
  };
  Values evaluate(const double *theta, int order, double *scratch) const;

private:
  int parameters_;
  std::vector<Instruction> code_;
  std::vector<double> constants_;
};

// The program after division, for fixed values of the parameters that are not free.
struct Divided {
  std::vector<std::vector<double>> columns; // what depends on data alone and feeds a node
  std::vector<double> constants;            // what depends on nothing
  ScalarProgram scalars;                    // what depends on free parameters alone
  struct Node {
    Op op;
    Ref a, b;
    int function = -1; // which of `functions` the node is
  };
  // A row function of free parameters; its arguments are indices in `scalars`.
  struct Function {
    Op op;
    std::vector<int> arguments;
  };
  std::vector<Function> functions;
  std::vector<Node> nodes; // what depends on both; the last one is the law's value
};

// theta: values of all parameters; free[k] says whether parameter k is free.
Divided divide(const Program &program, const Data &data, const std::vector<double> &theta,
               const std::vector<bool> &free, Cancel &cancel);

// The law's value at every row.
std::vector<double> evaluate(const Program &program, const Data &data,
                             const std::vector<double> &theta, Cancel &cancel);

} // namespace lawfit
