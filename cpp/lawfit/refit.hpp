// The streaming refitter of one growing curve: a law that is a sum of powers is fitted anew after
// every point, from the last solution on.
//
// `exact` brings the objective to within 1e-12, relatively, of a full solve's. Few rows are all
// evaluated. Of many, an expansion about an anchor (expansion.hpp) has the sums; only rows near a
// kink are evaluated, and the next anchor's sums are made a block of rows at a time, one block an
// update, so that no update is longer than another. Where the parameters leave an anchor's radius,
// or the bound on the gap exceeds its share, rows are summed anew about where they are, at once.
//
// `anchored` takes time that does not grow with the rows: rows near a kink stay on the side where
// the anchor has them, and what that costs is bounded (`gap`). The next anchor is begun when the
// rows have grown by an eighth, and made at once where the bound exceeds 1e-4 of the objective,
// though not before 128 and a 64th more rows have come: for that long it may.
//
// The general solver takes over where Newton's steps fail: in the first points of a run, or of its
// decay, and where the points do not determine the parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lawfit/area_cursor.hpp"
#include "lawfit/expansion.hpp"
#include "lawfit/levenberg_marquardt.hpp"
#include "lawfit/power_centre.hpp"

namespace lawfit {

enum class RefitMode { exact, anchored };

struct RefitOptions {
  RefitMode mode = RefitMode::exact;
  Residual residual;
  Warmup warmup = Warmup::peak;
  std::int64_t first_step = 0; // what was logged before is left out
  SolverOptions solver;        // bounds of the free parameters, and what ends a solve of all rows
};

class StreamingRefitter {
public:
  // Throws std::invalid_argument for a law that no expansion fits.
  StreamingRefitter(PowerSum law, std::shared_ptr<const Schedule> schedule, RefitOptions options);
  StreamingRefitter(const StreamingRefitter &) = delete;
  StreamingRefitter &operator=(const StreamingRefitter &) = delete;
  ~StreamingRefitter();

  // One more point, and, once started, the parameters that fit all. A y that is not finite is left
  // out and counted. Throws std::invalid_argument, and nothing has changed then, for a step that is
  // not later than the last or beyond the schedule, and a y not above 0 in log space; and for an S1
  // of 0, after which only the step counts as the last.
  void update(std::int64_t step, double y);
  // Solves for all points from these parameters, within the bounds. Throws std::invalid_argument
  // where there are no points.
  void start(const double *theta);
  // Whether it pays to look for a better minimum than the one that is followed, from many starts:
  // first with as many points as parameters, then whenever they have doubled, and when the law has
  // no value at a new point with the parameters there are. start() answers it.
  bool wants_start() const { return rows_.size() >= next_start_; }
  void decline_start() { next_start_ = 2 * rows_.size(); }

  std::size_t size() const { return rows_.size(); }
  std::size_t skipped() const { return skipped_; }
  std::int64_t last_step() const { return last_step_; } // -1 before any
  const std::vector<std::int64_t> &steps() const { return steps_; }
  const std::vector<double> &losses() const { return losses_; }
  bool started() const { return started_; }
  // NaN before; where the status is bad_start, as they were last.
  const std::vector<double> &theta() const { return natural_; }
  double objective() const { return now_->objective; }
  Status status() const { return status_; }
  // A bound on how far the objective at these parameters is above its minimum nearby, by the
  // expansion; 0 where none is used.
  double gap() const { return gap_; }
  // Passes over all rows for an anchor: one block an update, or at once.
  std::int64_t anchors() const { return anchors_; }
  std::int64_t forced_anchors() const { return forced_; }
  // Rows that the last update evaluated each time.
  std::size_t evaluated_rows() const;

private:
  class AllRows;

  void check_point(std::int64_t step, double y) const;
  void centre();
  void tell();
  void lose();
  void refit();
  bool descend();
  bool evaluate(const double *theta, Evaluation &out);
  bool find_step(const Evaluation &at, double *step, double &predicted) const;
  void solve_all();
  double rounding() const;
  // refit_anchors.cpp
  void check_anchor();
  void anchor_now();
  void build();
  void begin_next();
  bool has_anchor() const { return anchor_->rows() > 0; }
  // Whether the law has no value at some row with these parameters, or they have none.
  bool is_lost() const { return status_ == Status::bad_start; }

  RefitOptions options_;
  PowerSum law_; // in centred coordinates, as all below but natural_ is
  PowerCentre centre_;
  std::int64_t schedule_steps_;
  AreaCursor areas_;
  std::vector<std::int64_t> steps_;
  std::vector<double> losses_;
  PowerRows rows_;
  std::int64_t last_step_ = -1;
  std::size_t skipped_ = 0;
  double squares_ = 0; // of the residuals' operands, for rounding()
  std::size_t next_start_;

  bool started_ = false;
  std::vector<double> theta_, trial_, natural_;
  Status status_ = Status::bad_start;
  std::unique_ptr<Evaluation> now_, next_; // at theta_, and at a trial
  PowerPass pass_;
  std::unique_ptr<AllRows> all_;
  LevenbergMarquardt solver_;

  std::unique_ptr<Expansion> anchor_, building_;
  bool building_now_ = false;
  std::size_t anchored_rows_ = 0; // when the anchor in use was set
  double motion_ = 0;             // mean square of an update's step by the Hessian
  double drift_ = 0;              // how far recent anchors were left behind
  double gap_ = 0;
  std::int64_t anchors_ = 0, forced_ = 0;
};

} // namespace lawfit
