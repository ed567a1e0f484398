// Programs and data from bytes. A program is its counts of parameters, columns and constants, the
// constants, then three bytes an instruction, so that tests/fuzz/seeds.py can write a law so too.
#pragma once

#include <utility>
#include <vector>

#include "bytes.hpp"
#include "lawfit/program.hpp"
#include "schedules.hpp"

namespace fuzz {

using lawfit::Data;
using lawfit::Instruction;
using lawfit::Op;
using lawfit::Program;

struct Parts {
  std::vector<Instruction> code;
  std::vector<double> constants;
  int parameters = 0, columns = 0;

  Program program() const { return Program(code, constants, parameters, columns); }
};

// Which instructions depend on the row, as the rules of Program have it.
inline bool depends_on_rows(const Instruction &in, const std::vector<bool> &on_rows) {
  const auto of = [&](std::int32_t k) { return on_rows[static_cast<std::size_t>(k)]; };
  if (lawfit::is_leaf(in.op))
    return in.op == Op::column || in.op == Op::unknown;
  return lawfit::is_row_function(in.op) || of(in.a) || (lawfit::is_binary(in.op) && of(in.b));
}

// The nearest instruction that a program may hold: operands are taken modulo what there is, and
// what cannot be helped becomes a constant. Functions of the caller's have no place.
inline Instruction repaired(Instruction in, const std::vector<bool> &on_rows, const Parts &parts) {
  const auto k = static_cast<std::int32_t>(on_rows.size());
  const std::int32_t leaves[] = {static_cast<std::int32_t>(parts.constants.size()),
                                 parts.parameters, parts.columns, 1};
  if (in.op == Op::external)
    in.op = Op::neg;
  if (!lawfit::is_leaf(in.op) && k == 0)
    in.op = Op::constant;
  if (lawfit::is_row_function(in.op)) {
    const std::int32_t n = arguments(in);
    bool fits = n <= k;
    if (fits && n > 0)
      in.a %= k - n + 1;
    for (std::int32_t j = 0; fits && j < n; ++j)
      fits = !on_rows[static_cast<std::size_t>(in.a + j)];
    if (!fits)
      in.op = Op::constant;
  } else if (!lawfit::is_leaf(in.op)) {
    return {in.op, in.a % k, in.b % k};
  }
  if (!lawfit::is_leaf(in.op))
    return in;
  if (leaves[static_cast<int>(in.op)] == 0)
    in.op = Op::constant;
  return {in.op, in.a % leaves[static_cast<int>(in.op)], 0};
}

inline Parts valid_parts(Bytes &bytes) {
  Parts parts;
  parts.parameters = bytes.below(9);
  parts.columns = bytes.below(5);
  parts.constants.resize(1 + static_cast<std::size_t>(bytes.below(8)));
  for (double &constant : parts.constants)
    constant = bytes.number();
  const int length = 1 + bytes.below(64);
  std::vector<bool> on_rows;
  for (int k = 0; k < length; ++k) {
    const auto op = static_cast<Op>(bytes.below(lawfit::op_count));
    const std::int32_t a = bytes.take<std::uint8_t>(), b = bytes.take<std::uint8_t>();
    parts.code.push_back(repaired({op, a, b}, on_rows, parts));
    on_rows.push_back(depends_on_rows(parts.code.back(), on_rows));
  }
  return parts;
}

inline void show(const Parts &parts, const std::vector<double> &theta) {
  if (!shows())
    return;
  for (std::size_t k = 0; k < theta.size(); ++k)
    std::fprintf(stderr, "theta[%zu] = %.17g\n", k, theta[k]);
  for (std::size_t k = 0; k < parts.code.size(); ++k) {
    const Instruction &in = parts.code[k];
    std::fprintf(stderr, "%zu: %s %d %d", k, lawfit::op_names[static_cast<int>(in.op)], in.a, in.b);
    if (in.op == Op::constant)
      std::fprintf(stderr, " = %.17g", parts.constants[static_cast<std::size_t>(in.a)]);
    std::fprintf(stderr, "\n");
  }
}

inline void fill_column(Bytes &bytes, std::vector<double> &column) {
  const int kind = bytes.below(8);
  const double low = bytes.number(), high = bytes.number();
  Noise noise(bytes.take<std::uint8_t>());
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (kind < 3) // a range, on a logarithmic scale where that has a meaning
      column[i] = low > 0 && high > 0 ? low * std::pow(high / low, noise())
                                      : low + (high / 2 - low / 2) * noise() * 2;
    else if (kind == 3)
      column[i] = low;
    else if (kind == 4)
      column[i] = noise() < 0.5 ? low : high;
    else if (kind == 5)
      column[i] = static_cast<double>(i);
    else
      column[i] = 0.01 + noise();
    if (!std::isfinite(column[i])) // data are refused before they get here
      column[i] = low;
  }
  // The first of them as the bytes say.
  for (std::size_t i = 0; i < column.size() && kind == 7; ++i)
    column[i] = bytes.number();
}

// Rows for a program; one or two schedules where it takes their areas.
inline Data valid_data(Bytes &bytes, const Program &program, int most_rows) {
  Data data;
  const bool few = bytes.below(4) > 0;
  data.rows = 1 + static_cast<std::size_t>(bytes.take<std::uint16_t>() % (few ? 12 : most_rows));
  data.columns.assign(static_cast<std::size_t>(program.columns()), std::vector<double>(data.rows));
  for (auto &column : data.columns)
    fill_column(bytes, column);
  if (!program.uses_schedule())
    return data;
  data.warmup = static_cast<Warmup>(bytes.below(3));
  data.detail = static_cast<lawfit::Detail>(bytes.below(3));
  const std::size_t cut = bytes.flag() ? data.rows / 2 : 0;
  Noise noise(bytes.take<std::uint8_t>());
  for (const auto &[begin, end] : {std::pair{std::size_t{0}, cut}, {cut, data.rows}}) {
    if (begin == end)
      continue;
    const auto schedule = valid_schedule(bytes);
    for (std::size_t i = begin; i < end; ++i)
      data.steps.push_back(
          static_cast<std::int64_t>(noise() * static_cast<double>(schedule->steps())));
    std::sort(data.steps.begin() + static_cast<std::ptrdiff_t>(begin), data.steps.end());
    data.tracks.push_back({schedule, begin, end});
  }
  return data;
}

} // namespace fuzz
