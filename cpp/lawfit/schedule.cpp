#include "lawfit/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "lawfit/large_pages.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::int64_t max_steps = std::int64_t{1} << 53;
constexpr double pi = 3.14159265358979323846;

[[noreturn]] void refuse(std::size_t piece, const char *why) {
  throw std::invalid_argument("piece " + std::to_string(piece) + ": " + why);
}

bool is_rate(double value) { return std::isfinite(value) && value >= 0.0; }

void validate(const Piece &piece, std::size_t index) {
  if (piece.steps < 1 || piece.steps > max_steps)
    refuse(index, "steps must lie in 1 … 2^53");
  if (!is_rate(piece.start) || !is_rate(piece.end))
    refuse(index, "start and end must be finite and not negative");
  if (piece.offset < 0 || piece.offset > max_steps || piece.span < 1 || piece.span > max_steps)
    refuse(index, "offset must lie in 0 … 2^53 and span in 1 … 2^53");
  const bool bounded = piece.shape != Shape::constant && piece.shape != Shape::inverse_sqrt;
  if (bounded && piece.offset + piece.steps - 1 > piece.span)
    refuse(index, "runs past its end: offset + steps - 1 exceeds span");
  if (piece.shape == Shape::exponential && !(piece.start > 0.0 && piece.end > 0.0))
    refuse(index, "an exponential needs start and end above 0");
  if (piece.shape == Shape::polynomial && !(std::isfinite(piece.power) && piece.power > 0.0))
    refuse(index, "power must be finite and above 0");
}

// Weighs both ends, so that both come out exactly. weigh(w, n) turns n shares of the way into
// weights of its start.
template <class Weigh>
void interpolate(const Piece &piece, std::int64_t from, std::size_t n, double *out, Weigh weigh) {
  const double span = static_cast<double>(piece.span);
  const double begin = static_cast<double>(piece.offset + from);
  for (std::size_t j = 0; j < n; ++j)
    out[j] = (begin + static_cast<double>(j)) / span;
  weigh(out, n);
  for (std::size_t j = 0; j < n; ++j)
    out[j] = piece.start * out[j] + piece.end * (1.0 - out[j]);
}

// weigh() of a weight that is cheap.
template <class Weight> auto each(Weight weight) {
  return [=](double *w, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j)
      w[j] = weight(w[j]);
  };
}

void weigh_cosine(double *w, std::size_t n) {
  each([](double x) { return pi * x; })(w, n);
  simd::cos(w, w, n);
  each([](double c) { return 0.5 * (1.0 + c); })(w, n);
}

auto weigh_polynomial(double power) {
  return [=](double *w, std::size_t n) {
    constexpr std::size_t block = 256;
    double powers[block];
    std::fill_n(powers, std::min(n, block), power);
    each([](double x) { return 1.0 - x; })(w, n);
    for (std::size_t at = 0; at < n; at += block)
      simd::pow(w + at, powers, w + at, std::min(n - at, block));
  };
}

// Written so that both ends come out exactly.
void line(const Piece &piece, std::int64_t from, std::size_t n, double *out) {
  const double span = static_cast<double>(piece.span);
  const double begin = static_cast<double>(piece.offset + from);
  for (std::size_t j = 0; j < n; ++j) {
    const double k = begin + static_cast<double>(j);
    out[j] = (piece.start * (span - k) + piece.end * k) / span;
  }
}

void exponential(const Piece &piece, std::int64_t from, std::size_t n, double *out) {
  const double span = static_cast<double>(piece.span);
  const double begin = static_cast<double>(piece.offset + from);
  const double ratio = piece.end / piece.start;
  const bool wide = !(ratio > 1e-300 && ratio < 1e300); // beyond what exp() can give as one factor
  const double rate = wide ? std::log(piece.end) - std::log(piece.start) : std::log(ratio);
  for (std::size_t j = 0; j < n; ++j)
    out[j] = rate * ((begin + static_cast<double>(j)) / span);
  if (wide)
    for (std::size_t j = 0; j < n; ++j)
      out[j] += std::log(piece.start);
  simd::exp(out, out, n);
  const double factor = wide ? 1.0 : piece.start;
  for (std::size_t j = 0; j < n; ++j)
    out[j] = begin + static_cast<double>(j) == span ? piece.end : factor * out[j];
}

} // namespace

Schedule::Schedule(std::vector<Piece> pieces, std::vector<double> table, std::int64_t warmup)
    : pieces_(std::move(pieces)), table_(std::move(table)), warmup_(warmup) {
  first_.reserve(pieces_.size() + 1);
  first_.push_back(0);
  for (const Piece &piece : pieces_) {
    first_.push_back(first_.back() + piece.steps);
    if (first_.back() > max_steps)
      throw std::invalid_argument("a schedule has at most 2^53 steps");
  }
  if (steps() < 1)
    throw std::invalid_argument("a schedule needs at least one step");
  if (warmup_ < 0 || warmup_ > steps())
    throw std::invalid_argument("warmup must lie in 0 … steps");
}

Schedule Schedule::dense(std::vector<double> lr, std::int64_t warmup) {
  const auto bad = std::find_if_not(lr.begin(), lr.end(), is_rate);
  if (bad != lr.end())
    throw std::invalid_argument("lr of step " + std::to_string(bad - lr.begin()) +
                                " must be finite and not negative");
  Piece piece;
  piece.shape = Shape::table;
  piece.steps = static_cast<std::int64_t>(lr.size());
  return Schedule({piece}, std::move(lr), warmup);
}

Schedule Schedule::from_pieces(std::vector<Piece> pieces, std::int64_t warmup) {
  for (std::size_t index = 0; index < pieces.size(); ++index) {
    Piece &piece = pieces[index];
    if (piece.shape == Shape::table)
      refuse(index, "a table is made by Schedule::dense");
    validate(piece, index);
    if (piece.start == piece.end)
      piece.shape = Shape::constant;
  }
  return Schedule(std::move(pieces), {}, warmup);
}

Schedule Schedule::tabulated(std::int64_t most_steps) const {
  const auto has_closed_form = [](const Piece &piece) {
    return piece.shape == Shape::constant || piece.shape == Shape::linear;
  };
  std::int64_t written_out = 0;
  for (const Piece &piece : pieces_)
    written_out += has_closed_form(piece) ? 0 : piece.steps;
  if (written_out > most_steps)
    return *this;
  std::vector<Piece> pieces = pieces_;
  std::vector<double> table = room_for(static_cast<std::size_t>(written_out));
  for (std::size_t index = 0; index < pieces.size(); ++index) {
    Piece &piece = pieces[index];
    if (has_closed_form(piece))
      continue;
    const std::size_t at = table.size();
    table.resize(at + static_cast<std::size_t>(piece.steps));
    evaluate(pieces_[index], 0, static_cast<std::size_t>(piece.steps), table.data() + at);
    piece.shape = Shape::table;
    piece.offset = static_cast<std::int64_t>(at);
  }
  return Schedule(std::move(pieces), std::move(table), warmup_);
}

std::size_t Schedule::piece_at(std::int64_t step) const {
  const auto after = std::upper_bound(first_.begin(), first_.end(), step);
  return static_cast<std::size_t>(after - first_.begin()) - 1;
}

void Schedule::evaluate(const Piece &piece, std::int64_t from, std::size_t n, double *out) const {
  switch (piece.shape) {
  case Shape::constant:
    std::fill_n(out, n, piece.start);
    return;
  case Shape::linear:
    return line(piece, from, n, out);
  case Shape::exponential:
    return exponential(piece, from, n, out);
  case Shape::cosine:
    return interpolate(piece, from, n, out, weigh_cosine);
  case Shape::one_minus_sqrt:
    return interpolate(piece, from, n, out, each([](double x) { return 1.0 - std::sqrt(x); }));
  case Shape::polynomial:
    return interpolate(piece, from, n, out, weigh_polynomial(piece.power));
  case Shape::inverse_sqrt:
    return interpolate(piece, from, n, out,
                       each([](double x) { return 1.0 / std::sqrt(1.0 + x); }));
  case Shape::table:
    std::copy_n(table_.begin() + piece.offset + from, n, out);
    return;
  }
}

void Schedule::lr(std::int64_t first, std::size_t n, double *out) const {
  if (first < 0 || first > steps() || n > static_cast<std::uint64_t>(steps() - first))
    throw std::invalid_argument("steps outside the schedule");
  for (std::size_t index = n > 0 ? piece_at(first) : 0; n > 0; ++index) {
    const std::int64_t left = first_[index + 1] - first;
    const std::size_t part = std::min(n, static_cast<std::size_t>(left));
    evaluate(pieces_[index], first - first_[index], part, out);
    first += static_cast<std::int64_t>(part);
    out += part;
    n -= part;
  }
}

} // namespace lawfit
