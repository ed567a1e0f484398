// Schedules from bytes.
#pragma once

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bytes.hpp"
#include "lawfit/schedule.hpp"

namespace fuzz {

using lawfit::Piece;
using lawfit::Schedule;
using lawfit::Shape;
using lawfit::Warmup;

constexpr std::int64_t most_steps = std::int64_t{1} << 53;

inline bool is_line(Shape shape) { return shape == Shape::constant || shape == Shape::linear; }

// A length or place: mostly small, sometimes around what is allowed or at random.
inline std::int64_t any_length(Bytes &bytes) {
  const int kind = bytes.below(16);
  if (kind < 10)
    return bytes.take<std::uint8_t>();
  if (kind < 14)
    return bytes.take<std::uint16_t>() % 2048;
  return kind == 14 ? most_steps - 128 + bytes.take<std::uint8_t>() : bytes.take<std::int64_t>();
}

// Anything at all, valid or not.
inline Piece any_piece(Bytes &bytes) {
  Piece piece;
  piece.shape = static_cast<Shape>(bytes.below(8));
  piece.steps = any_length(bytes);
  piece.start = bytes.any_number();
  piece.end = bytes.any_number();
  piece.offset = any_length(bytes);
  piece.span = any_length(bytes);
  piece.power = bytes.any_number();
  return piece;
}

// What Schedule's constructors take: at most `most` steps in each piece.
inline Piece valid_piece(Bytes &bytes, int most) {
  Piece piece;
  piece.shape = static_cast<Shape>(bytes.below(7));
  piece.steps = 1 + bytes.take<std::uint16_t>() % most;
  piece.start = std::abs(bytes.number());
  piece.end = bytes.flag() ? 0.1 * piece.start : std::abs(bytes.number());
  if (piece.shape == Shape::exponential && !(piece.start > 0 && piece.end > 0))
    piece.start = piece.end = 1e-3;
  piece.offset = bytes.flag() ? bytes.take<std::uint8_t>() : 0;
  piece.span = piece.offset + piece.steps - bytes.below(2) + bytes.below(3);
  if (piece.span < 1)
    piece.span = 1;
  piece.power = bytes.positive();
  return piece;
}

inline void show(const std::vector<Piece> &pieces, std::int64_t warmup) {
  if (!shows())
    return;
  for (const Piece &p : pieces)
    std::fprintf(stderr, "shape %d, %lld steps, %.17g to %.17g, offset %lld, span %lld, power %g\n",
                 static_cast<int>(p.shape), static_cast<long long>(p.steps), p.start, p.end,
                 static_cast<long long>(p.offset), static_cast<long long>(p.span), p.power);
  std::fprintf(stderr, "warmup %lld\n", static_cast<long long>(warmup));
}

inline std::shared_ptr<const Schedule> valid_schedule(Bytes &bytes, int most = 400) {
  if (bytes.below(4) == 0) {
    std::vector<double> lr(1 + bytes.take<std::uint16_t>() % most);
    const double size = std::abs(bytes.number());
    Noise noise(bytes.take<std::uint8_t>());
    for (double &rate : lr)
      rate = size * noise();
    const auto warmup = bytes.take<std::uint16_t>() % (lr.size() + 1);
    return std::make_shared<const Schedule>(
        Schedule::dense(std::move(lr), static_cast<std::int64_t>(warmup)));
  }
  std::vector<Piece> pieces(1 + static_cast<std::size_t>(bytes.below(4)));
  std::int64_t steps = 0;
  for (Piece &piece : pieces) {
    piece = valid_piece(bytes, most);
    steps += piece.steps;
  }
  const std::int64_t warmup = bytes.flag() ? bytes.take<std::uint16_t>() % (steps + 1) : 0;
  return std::make_shared<const Schedule>(Schedule::from_pieces(std::move(pieces), warmup));
}

} // namespace fuzz
