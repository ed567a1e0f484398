#include "lawfit/row_areas.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "lawfit/bound_area.hpp"
#include "lawfit/loss_drop.hpp"
#include "lawfit/moment_area.hpp"

namespace lawfit {
namespace {

// 8 MiB a schedule.
constexpr std::int64_t most_tabulated_steps = std::int64_t{1} << 20;

// Schedules as they are walked at every evaluation: what costs a cosine a step is written out, once
// for all tracks that share a schedule.
class Tabulated {
public:
  std::shared_ptr<const Schedule> operator()(const std::shared_ptr<const Schedule> &schedule) {
    std::shared_ptr<const Schedule> &out = known_[schedule.get()];
    if (!out)
      out = is_cheap(*schedule)
                ? schedule
                : std::make_shared<const Schedule>(schedule->tabulated(most_tabulated_steps));
    return out;
  }

private:
  static bool is_cheap(const Schedule &schedule) {
    const std::vector<Piece> &pieces = schedule.pieces();
    return std::all_of(pieces.begin(), pieces.end(), [](const Piece &piece) {
      return piece.shape == Shape::constant || piece.shape == Shape::linear ||
             piece.shape == Shape::table;
    });
  }

  std::map<const Schedule *, std::shared_ptr<const Schedule>> known_;
};

// S2 by its momentum's decay.
class AnnealingArea final : public RowFunction {
public:
  explicit AnnealingArea(const Data &data) {
    data_.rows = data.rows;
    data_.steps = data.steps;
    data_.tracks = data.tracks;
    data_.warmup = data.warmup;
    Tabulated tabulated;
    for (Track &track : data_.tracks)
      track.schedule = tabulated(track.schedule);
  }

  std::size_t arguments() const override { return 1; }

  void evaluate(const double *lam, int order, const RowValues &out, Cancel &cancel) const override {
    if (*lam >= 0 && *lam <= 1)
      data_.areas(*lam, nullptr, out.value, order >= 1 ? out.gradient : nullptr,
                  order >= 2 ? out.hessian : nullptr, cancel);
    else // a trial step may leave the range of λ
      fill_with_nan(out, data_.rows, 1, order);
  }

private:
  Data data_;
};

// An area with a class of its own, over all schedules.
template <class Area> class OverTracks final : public RowFunction {
public:
  // make(schedule, steps, their number) is the area of one schedule, which outlives it.
  template <class Make>
  OverTracks(std::size_t arguments, const Data &data, const Make &make) : arguments_(arguments) {
    Tabulated tabulated;
    for (const Track &track : data.tracks) {
      std::shared_ptr<const Schedule> schedule = tabulated(track.schedule);
      Area area = make(*schedule, data.steps.data() + track.begin, track.end - track.begin);
      parts_.push_back({track.begin, std::move(schedule), std::move(area)});
    }
  }

  std::size_t arguments() const override { return arguments_; }

  void evaluate(const double *arguments, int order, const RowValues &out,
                Cancel &cancel) const override {
    for (const Part &part : parts_) {
      const auto at = [&](double *p) { return p ? p + part.begin : nullptr; };
      part.area.evaluate(arguments, order,
                         {at(out.value), at(out.gradient), at(out.hessian), out.stride}, cancel);
    }
  }

private:
  struct Part {
    std::size_t begin;
    std::shared_ptr<const Schedule> schedule;
    Area area;
  };
  std::size_t arguments_;
  std::vector<Part> parts_;
};

// One of the two sums of the convex bound; it has no arguments, so it is asked for once.
class BoundArea final : public RowFunction {
public:
  BoundArea(const Data &data, bool last) : data_(data), last_(last) {}
  std::size_t arguments() const override { return 0; }
  void evaluate(const double *, int, const RowValues &out, Cancel &cancel) const override {
    for (const Track &track : data_.tracks) {
      double *values = out.value + track.begin;
      bound_areas(*track.schedule, data_.steps.data() + track.begin, track.end - track.begin,
                  nullptr, last_ ? nullptr : values, last_ ? values : nullptr, cancel);
    }
  }

private:
  const Data &data_;
  bool last_;
};

// The caller's function, which the data keep.
class External final : public RowFunction {
public:
  explicit External(std::shared_ptr<const RowFunction> of) : of_(std::move(of)) {}
  std::size_t arguments() const override { return of_->arguments(); }
  double noise() const override { return of_->noise(); }
  void evaluate(const double *arguments, int order, const RowValues &out,
                Cancel &cancel) const override {
    of_->evaluate(arguments, order, out, cancel);
  }

private:
  std::shared_ptr<const RowFunction> of_;
};

} // namespace

std::unique_ptr<RowFunction> make_row_function(Op op, const Data &data, Cancel &cancel) {
  if (op == Op::s2)
    return std::make_unique<AnnealingArea>(data);
  if (op == Op::bound_mean || op == Op::bound_last)
    return std::make_unique<BoundArea>(data, op == Op::bound_last);
  if (op == Op::moment_area)
    return std::make_unique<OverTracks<MomentArea>>(
        2, data, [&](const Schedule &schedule, const std::int64_t *at, std::size_t n) {
          return MomentArea(schedule, data.warmup, at, n);
        });
  if (op == Op::loss_drop)
    return std::make_unique<OverTracks<LossDrop>>(
        3, data, [&](const Schedule &schedule, const std::int64_t *at, std::size_t n) {
          return LossDrop(schedule, data.warmup, at, n, data.detail, cancel);
        });
  if (op == Op::external && data.external)
    return std::make_unique<External>(data.external);
  throw std::invalid_argument("there is no such function of the rows");
}

} // namespace lawfit
