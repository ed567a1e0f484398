// Bytes as a program, valid or not: the constructor must tell which, and what it takes must be
// evaluated, hoisted, differentiated and copied without harm, to the oracle's values.
#include <memory>
#include <stdexcept>
#include <vector>

#include "lawfit/problem_objective.hpp"
#include "oracle.hpp"
#include "programs.hpp"

using namespace lawfit;
using fuzz::Bytes;
using fuzz::Parts;

namespace {

// The rules of program.hpp once more, said otherwise.
bool is_valid(const Parts &parts) {
  std::vector<bool> on_rows;
  int external = -1;
  for (const Instruction &in : parts.code) {
    const auto k = static_cast<std::int64_t>(on_rows.size());
    const auto is_earlier = [&](std::int64_t i) { return i >= 0 && i < k; };
    const int op = static_cast<int>(in.op);
    if (op < 0 || op >= op_count)
      return false;
    if (is_leaf(in.op)) {
      const std::int64_t most[] = {static_cast<std::int64_t>(parts.constants.size()),
                                   parts.parameters, parts.columns, 1};
      if (in.a < 0 || in.a >= most[op])
        return false;
    } else if (is_row_function(in.op)) {
      if (in.op == Op::external && external < 0)
        external = in.b;
      if (in.op == Op::external && (in.b < 0 || in.b != external))
        return false;
      for (std::int64_t j = 0; j < arguments(in); ++j)
        if (!is_earlier(in.a + j) || on_rows[static_cast<std::size_t>(in.a + j)])
          return false;
    } else if (!is_earlier(in.a) || (is_binary(in.op) && !is_earlier(in.b))) {
      return false;
    }
    on_rows.push_back(fuzz::depends_on_rows(in, on_rows));
  }
  return !parts.code.empty();
}

Parts any_parts(Bytes &bytes) {
  Parts parts;
  parts.parameters = bytes.below(6) - 1;
  parts.columns = bytes.below(4) - 1;
  parts.constants.assign(static_cast<std::size_t>(bytes.below(4)), 1.5);
  const int length = bytes.below(32);
  for (int k = 0; k < length; ++k) {
    Instruction in{static_cast<Op>(bytes.take<std::int8_t>()), bytes.take<std::int8_t>(),
                   bytes.take<std::int8_t>()};
    switch (bytes.below(32)) {
    case 0:
      in.a = bytes.take<std::int32_t>();
      break;
    case 1:
      in.b = bytes.take<std::int32_t>();
      break;
    case 2:
      in.op = static_cast<Op>(bytes.take<std::int32_t>());
    }
    parts.code.push_back(in);
  }
  return parts;
}

struct Case {
  const Program &program;
  const Data &data;
  const std::vector<double> &theta;
  const std::vector<bool> &free;
};

// How far the columns reach, or their logarithms: a sum of powers measures them from their middle,
// and rounds as that does.
double reach_of(const Data &data) {
  double reach = 800;
  for (const auto &column : data.columns)
    for (double x : column)
      reach = std::fmax(reach, std::abs(x));
  return reach;
}

// Values, and derivatives by the free parameters, of a row that the oracle is sure of.
void compare(const fuzz::Traced &expected, const Case &of, double value, const double *jacobian) {
  if (of.program.is_implicit() && !(expected.value > 0))
    return; // the oracle is sure only where nothing is to be solved for, and roots are above 0
  const double room = 64 * expected.slack + 1e-12 * std::abs(expected.value) + 1e-290;
  fuzz::show("value", value, expected.value);
  REQUIRE(std::abs(value - expected.value) <= room);
  if (!jacobian)
    return;
  double terms = std::abs(expected.value);
  for (std::size_t k = 0; k < of.theta.size(); ++k)
    terms += std::abs(of.theta[k]) * expected.size[k];
  const double rounding = 1e-14 * reach_of(of.data) * terms + 1e-280;
  for (std::size_t k = 0, free = 0; k < of.free.size(); ++k) {
    if (!of.free[k])
      continue;
    const double derivative = jacobian[free++ * block_rows];
    fuzz::show("derivative", derivative, expected.derivative[k]);
    REQUIRE(std::abs(derivative - expected.derivative[k]) <= 1e-8 * expected.size[k] + rounding);
  }
}

void check_symmetric(const double *matrix, std::size_t p) {
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < i; ++j)
      REQUIRE(fuzz::same_bits(matrix[i * p + j], matrix[j * p + i]));
}

void check_objective(const Problem &problem, const std::vector<double> &theta, Coordinates in) {
  Cancel cancel;
  Problem::Workspace work(problem, in);
  const auto out = std::make_unique<Evaluation>();
  double objective[3];
  bool finite[3];
  for (int order : {2, 0, 1}) {
    finite[order] = problem.evaluate(theta.data(), order, *out, work, cancel);
    objective[order] = out->objective;
    if (finite[order] && order == 2) {
      const std::size_t p = theta.size();
      check_symmetric(out->hessian, p);
      check_symmetric(out->gauss_newton, p);
    }
  }
  REQUIRE(finite[0] || !finite[1]);
  REQUIRE(finite[1] || !finite[2]);
  for (int order : {1, 2})
    REQUIRE(!finite[order] || fuzz::same_bits(objective[order], objective[0]));
}

void check_problem(Bytes &bytes, const Case &of) {
  const auto p = static_cast<std::size_t>(std::count(of.free.begin(), of.free.end(), true));
  ProblemOptions options;
  options.loss = static_cast<Loss>(bytes.below(3));
  options.delta = bytes.positive();
  options.space = bytes.flag() ? Space::log : Space::linear;
  std::vector<double> y(of.data.rows), weights(bytes.flag() ? of.data.rows : 0);
  fuzz::fill_column(bytes, y);
  for (double &value : y)
    if (options.space == Space::log && !(value > 0))
      value = 1;
  for (double &weight : weights)
    weight = 0.5 + static_cast<double>(&weight - weights.data()) / 7;
  std::vector<bool> may_centre(p), logarithmic(p);
  std::vector<double> at;
  for (std::size_t k = 0; k < of.free.size(); ++k)
    if (of.free[k]) {
      may_centre[at.size()] = bytes.flag();
      logarithmic[at.size()] = bytes.flag() && of.theta[k] > 0;
      at.push_back(of.theta[k]);
    }
  if (bytes.flag())
    options.logarithmic = logarithmic;
  Cancel cancel;
  const Problem problem(of.program, of.data, y, weights, options, of.theta, of.free, may_centre,
                        cancel);
  const fuzz::Oracle oracle(of.program, of.data, of.theta);
  Problem::Workspace work(problem, Coordinates::natural);
  problem.visit_rows(at.data(), block_rows, block_rows, work, cancel, [&](const auto &rows) {
    for (std::size_t i = 0; i < rows.n; i += 1 + i / 2)
      if (const fuzz::Traced row = oracle.row(rows.first + i); row.sure)
        compare(row, of, rows.value[i], rows.jacobian + i);
  });
  check_objective(problem, at, Coordinates::natural);
  std::vector<double> centred = at;
  problem.to_centred(centred);
  check_objective(problem, centred, Coordinates::centred);
  check_objective(Problem(problem), at, Coordinates::natural);
}

void check(Bytes &bytes, const Parts &parts) {
  const Program program = parts.program();
  std::vector<double> theta(static_cast<std::size_t>(program.parameters()));
  std::vector<bool> free(theta.size());
  for (std::size_t k = 0; k < theta.size(); ++k) {
    theta[k] = bytes.number();
    free[k] = bytes.below(4) != 0;
  }
  fuzz::show(parts, theta);
  const Data data = fuzz::valid_data(bytes, program, 300);
  const Case of{program, data, theta, free};
  Cancel cancel;
  const std::vector<double> values = evaluate(program, data, theta, cancel);
  REQUIRE(values.size() == data.rows);
  const fuzz::Oracle oracle(program, data, theta);
  for (std::size_t i = 0; i < data.rows; i += 1 + i / 2)
    if (const fuzz::Traced row = oracle.row(i); row.sure)
      compare(row, of, values[i], nullptr);
  if (std::find(free.begin(), free.end(), true) != free.end())
    check_problem(bytes, of);
}

// An area may have no meaning at the arguments that are held.
void check_or_refuse(Bytes &bytes, const Parts &parts) {
  try {
    check(bytes, parts);
  } catch (const std::invalid_argument &) {
    REQUIRE(parts.program().uses_schedule());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const fuzz::Watch watch;
  Bytes bytes(data, size);
  if (bytes.below(8) > 0) {
    check_or_refuse(bytes, fuzz::valid_parts(bytes));
    return 0;
  }
  const Parts parts = any_parts(bytes);
  bool taken = true;
  try {
    parts.program();
  } catch (const std::invalid_argument &) {
    taken = false;
  }
  REQUIRE(taken == is_valid(parts));
  const bool calls = taken && parts.program().external_arguments() >= 0;
  if (taken && !calls && parts.parameters >= 0 && parts.columns >= 0)
    check_or_refuse(bytes, parts);
  return 0;
}
