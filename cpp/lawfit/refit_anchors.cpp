// How a refitter of many rows keeps to its sums: when they are made anew, and how.
#include "lawfit/refit.hpp"

#include <algorithm>
#include <cmath>

namespace lawfit {
namespace {

// With fewer rows all are evaluated: sums would be as dear.
constexpr std::size_t few_rows = 512;
// Shares of the objective: the most that the expansion may cost an exact refit, and an anchored
// one.
constexpr double exact_gap = 2e-13, anchored_gap = 1e-4;
// Rows summed by an update towards the next anchor.
constexpr std::size_t exact_block(std::size_t rows) { return rows < 32768 ? 64 : block_rows; }
// The same, of every so many updates, once the rows have grown by a share.
constexpr std::size_t anchored_block = 64, anchored_every = 4, anchored_share = 8;
// Where an anchor is made at once: more near rows than this, or a bound that is exceeded, though
// not before so many rows have come or the rows have grown by a share.
constexpr std::size_t anchored_near = 64, anchored_rest = 128, anchored_pause = 64;
// The radius, in units of what the parameters are expected to move by.
constexpr double margin = 3;
// What an anchor leaves of how far those before it were left behind.
constexpr double forgets = 0.7;

} // namespace

// Sums that no longer tell enough of the rows are made anew.
void StreamingRefitter::check_anchor() {
  gap_ = 0;
  if (!has_anchor())
    return;
  const Expansion::Reach reach = anchor_->reach();
  gap_ = reach.gap;
  const bool exact = options_.mode == RefitMode::exact;
  const double most = (exact ? exact_gap : anchored_gap) * now_->objective + rounding();
  const bool crowded = !exact && anchor_->near().size() > anchored_near;
  if (reach.inside && reach.gap <= most && !crowded)
    return;
  const std::size_t pause = std::max(anchored_rest, anchored_rows_ / anchored_pause);
  if (!exact && !crowded && rows_.size() < anchored_rows_ + pause)
    return;
  ++forced_;
  drift_ = std::fmax(2 * drift_, reach.move);
  for (int again = 0; again < 3; ++again) {
    anchor_now();
    // The sums that led here were wrong by no more than a little: so is where they led.
    if (!evaluate(theta_.data(), *now_) || !descend())
      break;
    const Expansion::Reach now = anchor_->reach();
    gap_ = now.gap;
    if (now.inside && now.gap <= most)
      return;
    drift_ = std::fmax(2 * drift_, now.move);
  }
  solve_all();
  anchor_now();
  gap_ = 0;
}

// The parameters walk at random, and sometimes steadily, for as long as an anchor is being made and
// then in use.
void StreamingRefitter::begin_next() {
  const double n = static_cast<double>(rows_.size());
  const double updates = options_.mode == RefitMode::exact
                             ? 2 * (n / static_cast<double>(exact_block(rows_.size())) + 1)
                             : 3 * n / static_cast<double>(anchored_share);
  const double radius = margin * std::fmax(std::sqrt(updates * motion_), drift_);
  building_->begin(theta_.data(), now_->hessian, radius, rows_.log_s1.front(), rows_.log_s1.back(),
                   rows_.size());
}

// Unless there is nothing to expand.
void StreamingRefitter::anchor_now() {
  if (is_lost())
    return;
  begin_next();
  while (building_->rows() < rows_.size())
    building_->add(rows_, building_->rows(),
                   std::min(block_rows, rows_.size() - building_->rows()));
  building_->finish();
  anchor_.swap(building_);
  building_now_ = false;
  anchored_rows_ = rows_.size();
  ++anchors_;
}

// Towards the next anchor, a block at a time.
void StreamingRefitter::build() {
  const std::size_t n = rows_.size();
  if (n < few_rows || is_lost())
    return;
  if (!has_anchor())
    return anchor_now();
  const bool exact = options_.mode == RefitMode::exact;
  if (!exact && (n < anchored_rows_ + anchored_rows_ / anchored_share || n % anchored_every != 0))
    return;
  if (!building_now_) {
    drift_ *= forgets;
    begin_next();
    building_now_ = true;
  }
  const std::size_t block = exact ? exact_block(n) : anchored_block;
  building_->add(rows_, building_->rows(), std::min(block, n - building_->rows()));
  if (building_->rows() < n)
    return;
  building_->finish();
  drift_ = std::fmax(drift_, anchor_->reach().move);
  anchor_.swap(building_);
  building_now_ = false;
  anchored_rows_ = n;
  ++anchors_;
}

} // namespace lawfit
