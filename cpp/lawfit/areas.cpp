#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

#include "lawfit/annealing_filter.hpp"
#include "lawfit/area_cursor.hpp"
#include "lawfit/schedule.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
// A block with more asked steps than this is swept step by step, in shorter blocks: every step's
// rounding stays in a block's areas until its end.
constexpr std::size_t few = 10;
constexpr std::size_t sweep_block = area_block / 2;
// More areas than this are written past the caches, which could not hold them: 4 MiB.
constexpr std::size_t streamed = std::size_t{1} << 19;
constexpr unsigned stops_per_check = 32;

DoubleDouble whole(std::int64_t value) {
  const double high = static_cast<double>(value);
  return {high, static_cast<double>(value - static_cast<std::int64_t>(high))};
}

bool is_line(const Piece &piece) {
  return piece.shape == Shape::constant || piece.shape == Shape::linear;
}

// LR of local step j of a line, in full.
DoubleDouble line_value(const Piece &piece, std::int64_t j) {
  if (piece.shape == Shape::constant)
    return piece.start;
  const std::int64_t k = piece.offset + j;
  return (DoubleDouble(piece.start) * whole(piece.span - k) + DoubleDouble(piece.end) * whole(k)) /
         static_cast<double>(piece.span);
}

// What a line loses each step.
double line_decrease(const Piece &piece) {
  if (piece.shape == Shape::constant)
    return 0.0;
  return (two_sum(piece.start, -piece.end) / static_cast<double>(piece.span)).rounded();
}

// Σ LR of the n local steps from `j` of a line.
DoubleDouble line_sum(const Piece &piece, std::int64_t j, std::int64_t n) {
  if (piece.shape == Shape::constant)
    return DoubleDouble(piece.start) * whole(n);
  const DoubleDouble k = whole(n) * whole(2 * (piece.offset + j) + n - 1) * DoubleDouble(0.5);
  const DoubleDouble rest = whole(n) * whole(piece.span) - k;
  return (DoubleDouble(piece.start) * rest + DoubleDouble(piece.end) * k) /
         static_cast<double>(piece.span);
}

} // namespace

// One walk over a schedule: filter state, the steps still to be answered, and where to.
class AreaPass {
public:
  struct Request {
    const std::int64_t *at;
    std::size_t n;
    double *s1;
    double *s2[area_orders];

    std::int64_t step(std::size_t k) const {
      if (k >= n)
        return never;
      return at ? at[k] : static_cast<std::int64_t>(k);
    }
  };

  AreaPass(const Schedule &schedule, double lam, std::size_t order, const Request &request,
           Cancel &cancel)
      : schedule_(schedule), filter_(lam, order), request_(request), cancel_(cancel) {}

  // Goes on to steps that come after those asked for before.
  void ask(const Request &request) {
    request_ = request;
    next_ = 0;
  }

  // The steps begin … end − 1 of the schedule. Muted steps leave m and S2 at 0.
  void walk(std::int64_t begin, std::int64_t end, bool muted) {
    while (begin < end && asked() != never) {
      const std::size_t index = schedule_.piece_at(begin);
      const std::int64_t first = schedule_.first_[index];
      const std::int64_t stop = std::min(end, schedule_.first_[index + 1]);
      run(schedule_.pieces_[index], first, begin, stop, muted);
      begin = stop;
    }
  }

  // The steps begin … end − 1 of one piece, whose own first step is `first`.
  void run(const Piece &piece, std::int64_t first, std::int64_t begin, std::int64_t end,
           bool muted) {
    while (begin < end && asked() != never) {
      if (++stops_ % stops_per_check == 0)
        cancel_.check();
      const std::int64_t stop = std::min(end, begin + static_cast<std::int64_t>(area_block));
      std::size_t answers = 0;
      while (answers <= few && request_.step(next_ + answers) < stop)
        ++answers;
      const std::int64_t j = begin - first;
      if (answers > few) {
        const auto n = std::min(stop - begin, static_cast<std::int64_t>(sweep_block));
        sweep(piece, fill(piece, begin, j, n, muted, simd::sum_parts));
        begin += n;
      } else if (is_line(piece)) {
        const std::int64_t n = std::min(end, asked() + 1) - begin;
        glide(piece, j, n, muted);
        begin += n;
        answer(begin - 1, {});
      } else {
        // Ends at an asked step, where there is one: what is between two is then never cut.
        const std::int64_t last = answers > 0 ? request_.step(next_ + answers - 1) + 1 : stop;
        advance(fill(piece, begin, j, last - begin, muted, 1));
        begin = last;
      }
    }
  }

private:
  // Some steps of a piece.
  struct Block {
    std::int64_t begin;
    std::size_t n;
    const double *lr;
    double first; // the decrease into its first step
    bool muted;
  };

  std::int64_t asked() const { return request_.step(next_); }

  // The decrease into a step of this LR; none into step 0.
  double decrease_into(DoubleDouble lr) const {
    return started_ ? (previous_ - lr).rounded() : 0.0;
  }

  // n steps of a line, from its local step j, in closed form.
  void glide(const Piece &piece, std::int64_t j, std::int64_t n, bool muted) {
    state_.s1 = state_.s1 + line_sum(piece, j, n);
    if (!muted) {
      const double first = decrease_into(line_value(piece, j));
      const double steady = line_decrease(piece);
      const std::int64_t single = first == steady ? 0 : 1;
      filter_.coast(state_, single, first);
      filter_.coast(state_, n - single, steady);
    }
    previous_ = line_value(piece, j + n - 1);
    started_ = true;
  }

  // The n steps from `begin`, which is the piece's local step j. Their LR are readable up to a
  // multiple of `unit`.
  Block fill(const Piece &piece, std::int64_t begin, std::int64_t j, std::int64_t steps, bool muted,
             std::size_t unit) {
    const auto n = static_cast<std::size_t>(steps);
    const std::size_t rest = (unit - n % unit) % unit;
    const double *lr = rest == 0 ? schedule_.written_out(piece, j) : nullptr;
    if (!lr) {
      schedule_.evaluate(piece, j, n, lr_.data());
      std::fill_n(lr_.begin() + n, rest, 0.0);
      lr = lr_.data();
    }
    const bool line = is_line(piece);
    const double first = decrease_into(line ? line_value(piece, j) : DoubleDouble(lr[0]));
    previous_ = line ? line_value(piece, j + steps - 1) : DoubleDouble(lr[n - 1]);
    started_ = true;
    return {begin, n, lr, muted ? 0.0 : first, muted};
  }

  // A block of no line, in parts that end at asked steps.
  void advance(const Block &block) {
    AreaPart part;
    double first = block.first;
    while (true) {
      const std::int64_t ahead = asked() == never ? never : asked() - block.begin + 1;
      const std::size_t stop = std::min(block.n, static_cast<std::size_t>(ahead));
      filter_.extend(part, block.lr + part.n, first, stop - part.n);
      if (block.muted)
        part.forget();
      answer(block.begin + static_cast<std::int64_t>(stop) - 1, part);
      if (stop == block.n)
        return filter_.advance(state_, part);
      first = block.lr[stop - 1] - block.lr[stop];
    }
  }

  // A block step by step.
  void sweep(const Piece &piece, const Block &block) {
    if (block.muted)
      std::fill_n(d_.begin(), block.n, 0.0);
    else if (is_line(piece))
      std::fill_n(d_.begin(), block.n, line_decrease(piece));
    else
      simd::decreases(block.lr, block.n, d_.data());
    d_[0] = block.first;

    const bool every = !request_.at;
    const bool direct = every && block.n == sweep_block && request_.n < streamed;
    const auto target = [&](double *asked_for, double *buffer) {
      return direct && asked_for ? asked_for + next_ : buffer;
    };
    simd::AreaOutputs out;
    out.s1 = target(request_.s1, s1_.data());
    for (std::size_t r = 0; r <= filter_.order(); ++r)
      out.s2[r] = target(request_.s2[r], s2_[r].data());
    filter_.sweep(state_, block.lr, d_.data(), block.n, out);
    if (every && !direct) {
      write(out.s1, block.n, request_.s1);
      for (std::size_t r = 0; r <= filter_.order(); ++r)
        write(out.s2[r], block.n, request_.s2[r]);
    }
    if (every)
      next_ += block.n;
    else
      pick(block, out);
  }

  void write(const double *areas, std::size_t n, double *asked_for) const {
    if (asked_for && request_.n >= streamed)
      simd::stream(areas, n, asked_for + next_);
    else if (asked_for)
      std::copy_n(areas, n, asked_for + next_);
  }

  // Answers every request for a step of the block, whose areas are in `out`.
  void pick(const Block &block, const simd::AreaOutputs &out) {
    const std::int64_t end = block.begin + static_cast<std::int64_t>(block.n);
    for (std::int64_t step; (step = asked()) < end; ++next_) {
      const auto i = static_cast<std::size_t>(step - block.begin);
      if (request_.s1)
        request_.s1[next_] = out.s1[i];
      for (std::size_t r = 0; r <= filter_.order(); ++r)
        if (request_.s2[r])
          request_.s2[r][next_] = out.s2[r][i];
    }
  }

  // `part` ends at `step`: answer every request for it.
  void answer(std::int64_t step, const AreaPart &part) {
    if (asked() != step)
      return;
    const AreaValues values = filter_.areas(state_, part);
    for (; asked() == step; ++next_) {
      if (request_.s1)
        request_.s1[next_] = values.s1;
      for (std::size_t r = 0; r <= filter_.order(); ++r)
        if (request_.s2[r])
          request_.s2[r][next_] = values.s2[r];
    }
  }

  const Schedule &schedule_;
  AnnealingFilter filter_;
  Request request_;
  Cancel &cancel_;
  AreaState state_;
  // A block's LR and decreases, and its areas where they are not all asked for.
  alignas(64) std::array<double, area_block> lr_ = {};
  alignas(64) std::array<double, sweep_block> d_ = {};
  alignas(64) std::array<double, sweep_block> s1_;
  alignas(64) std::array<std::array<double, sweep_block>, area_orders> s2_;
  DoubleDouble previous_; // LR of the step before
  bool started_ = false;
  std::size_t next_ = 0; // first request not answered yet
  unsigned stops_ = 0;
};

struct AreaCursor::Walk {
  Walk(std::shared_ptr<const Schedule> of, double lam, Warmup how)
      : schedule(std::move(of)), mode(how),
        pass(*schedule, lam, 0, {nullptr, 0, nullptr, {}}, cancel) {
    flat.steps = schedule->warmup();
    if (flat.steps > 0)
      schedule->lr(std::min(flat.steps, schedule->steps() - 1), 1, &flat.start);
  }

  void to(std::int64_t end) {
    const std::int64_t stands_in = mode == Warmup::peak ? flat.steps : 0;
    const std::int64_t muted = mode == Warmup::skip ? flat.steps + 1 : 0;
    if (done < stands_in)
      pass.run(flat, 0, done, std::min(end, stands_in), false);
    if (done < muted)
      pass.walk(done, std::min(end, muted), true);
    pass.walk(std::max({done, stands_in, muted}), end, false);
    done = end;
  }

  std::shared_ptr<const Schedule> schedule;
  Warmup mode;
  Piece flat; // what stands in for the warm-up
  Cancel cancel;
  AreaPass pass;
  std::int64_t done = 0; // steps walked
};

AreaCursor::AreaCursor(std::shared_ptr<const Schedule> schedule, double lam, Warmup mode) {
  if (!(lam >= 0.0 && lam <= 1.0))
    throw std::invalid_argument("lam must lie in 0 … 1");
  walk_ = std::make_unique<Walk>(std::move(schedule), lam, mode);
}
AreaCursor::AreaCursor(AreaCursor &&) noexcept = default;
AreaCursor &AreaCursor::operator=(AreaCursor &&) noexcept = default;
AreaCursor::~AreaCursor() = default;

StepAreas AreaCursor::read(std::int64_t step) {
  StepAreas areas;
  walk_->pass.ask({&step, 1, &areas.s1, {&areas.s2, nullptr, nullptr}});
  walk_->to(step + 1);
  return areas;
}

void Schedule::areas(double lam, Warmup mode, const std::int64_t *at, std::size_t n, double *s1,
                     double *s2, double *ds2, double *d2s2, Cancel &cancel) const {
  if (!(lam >= 0.0 && lam <= 1.0))
    throw std::invalid_argument("lam must lie in 0 … 1");
  if (!at && n != static_cast<std::uint64_t>(steps()))
    throw std::invalid_argument("without steps to answer, n must be the number of steps");
  if (at && n > 0 && !(std::is_sorted(at, at + n) && at[0] >= 0 && at[n - 1] < steps()))
    throw std::invalid_argument("at must be non-decreasing steps of the schedule");

  const std::size_t order = d2s2 ? 2 : ds2 ? 1 : 0;
  AreaPass pass(*this, lam, order, {at, n, s1, {s2, ds2, d2s2}}, cancel);
  std::int64_t begin = 0;
  if (mode == Warmup::peak && warmup_ > 0) {
    Piece flat;
    flat.steps = warmup_;
    lr(std::min(warmup_, steps() - 1), 1, &flat.start);
    pass.run(flat, 0, 0, warmup_, false);
    begin = warmup_;
  }
  if (mode == Warmup::skip) {
    begin = std::min(warmup_ + 1, steps());
    pass.walk(0, begin, true);
  }
  pass.walk(begin, steps(), false);
  simd::end_stream();
}

} // namespace lawfit
