#include "lawfit/drop_panels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "lawfit/quadrature.hpp"
#include "lawfit/simd_types.hpp"

namespace lawfit {
namespace {

constexpr std::size_t panel_nodes = DropPanels::panel_nodes;
// A rule costs as much as some hundred kernels.
constexpr std::size_t rows_worth_a_rule = 4;
constexpr double never = std::numeric_limits<double>::infinity();

// A step, or a node that stands for some.
struct Point {
  double log_rate, weight;
  DoubleDouble before;
};

// What smooth panels of one size have in common: the steps that are their nodes, and ℓ_j at the
// points at which they ask whether they are smooth. These are their halves' nodes, or all steps of
// halves too small for any.
struct Grid {
  explicit Grid(std::size_t size) : node(chebyshev_steps(size)), lagrange(places(node, size)) {
    const auto add = [&](std::size_t begin, std::size_t steps) {
      if (steps > panel_nodes)
        for (const std::size_t i : chebyshev_steps(steps))
          basis.push_back(lagrange.at(place(begin + i, size)));
      else
        for (std::size_t i = 0; i < steps; ++i)
          basis.push_back(lagrange.at(place(begin + i, size)));
    };
    add(0, size / 2);
    add(size / 2, size - size / 2);
  }

  static double place(std::size_t step, std::size_t size) {
    return 2.0 * static_cast<double>(step) / static_cast<double>(size) - 1.0;
  }

  static std::array<double, panel_nodes> places(const std::array<std::size_t, panel_nodes> &steps,
                                                std::size_t size) {
    std::array<double, panel_nodes> x;
    std::transform(steps.begin(), steps.end(), x.begin(),
                   [size](std::size_t step) { return place(step, size); });
    return x;
  }

  // Chebyshev's points of `size` steps, rounded to steps of their own.
  static std::array<std::size_t, panel_nodes> chebyshev_steps(std::size_t size) {
    const auto x = chebyshev<panel_nodes>();
    std::array<std::size_t, panel_nodes> offsets{};
    for (std::size_t j = 0; j < panel_nodes / 2; ++j) {
      const double step = 0.5 * static_cast<double>(size - 1) * (1.0 + x[j]);
      const auto nearest = static_cast<std::size_t>(std::lround(step));
      offsets[j] = j == 0 ? nearest : std::max(offsets[j - 1] + 1, nearest);
      offsets[panel_nodes - 1 - j] = size - 1 - offsets[j];
    }
    return offsets;
  }

  std::array<std::size_t, panel_nodes> node;
  Lagrange<panel_nodes> lagrange;
  std::vector<std::array<double, panel_nodes>> basis; // by point
};

// A polynomial of Σ η, scaled to −1 … 1, near log η: through points close to Chebyshev's.
class Trend {
public:
  static std::optional<Trend> through(const std::vector<double> &x,
                                      const std::vector<Point> &points) {
    Values at, log_rate;
    std::size_t next = 0;
    for (std::size_t j = 0; j < at.size(); ++j) {
      const double target = chebyshev<DropPanels::rough_nodes>()[j];
      while (next < x.size() && (x[next] < target || (j > 0 && x[next] <= at[j - 1])))
        ++next;
      if (next == x.size())
        return std::nullopt;
      at[j] = x[next];
      log_rate[j] = points[next].log_rate;
    }
    return Trend(at, log_rate);
  }

  double at(double x) const { return dot(lagrange_.at(x), log_rate_); }

private:
  using Values = std::array<double, DropPanels::rough_nodes>;
  Trend(const Values &at, const Values &log_rate) : lagrange_(at), log_rate_(log_rate) {}

  Lagrange<DropPanels::rough_nodes> lagrange_;
  Values log_rate_;
};

// Values of log η beside a trend between which a function of it is interpolated: by lines, off by
// the distance squared, or by parabolas, off by its cube.
struct Levels {
  explicit Levels(double farthest) : count(farthest <= 1e-6 ? 2 : 3), distance(farthest) {}

  double offset(std::size_t level) const {
    return distance * (2.0 * static_cast<double>(level) / static_cast<double>(count - 1) - 1.0);
  }
  std::array<double, 3> share(double off) const {
    const double e = off / distance;
    if (count == 2)
      return {0.5 * (1.0 - e), 0.5 * (1.0 + e)};
    return {0.5 * e * (e - 1.0), 1.0 - e * e, 0.5 * e * (e + 1.0)};
  }

  std::size_t count;
  double distance;
};

} // namespace

class DropPanels::Builder {
public:
  Builder(const std::vector<DropStep> &steps, const std::vector<std::size_t> &segments,
          std::vector<Panel> &panels, Detail detail, Cancel &cancel)
      : steps_(steps), segments_(segments), panels_(panels), detail_(detail), cancel_(cancel) {}

  // Appends the panel of the steps begin … end − 1 and all of its parts. Returns its index.
  std::size_t add(std::size_t begin, std::size_t end) {
    cancel_.check();
    const std::size_t index = panels_.size();
    panels_.push_back({begin, end, 0, steps_[end - 1].before.hi, never, 0});
    nodes_.emplace_back();
    smooth_.push_back(end - begin <= panel_nodes); // then its steps are its nodes
    std::size_t second = none;
    if (end - begin > panel_nodes) {
      const std::size_t middle = middle_of(begin, end);
      add(begin, middle);
      second = add(middle, end);
    }
    panels_[index].after = panels_.size();
    if (detail_ != Detail::exact && second != none)
      stand_in(index, second);
    return index;
  }

  // What stands for the panel in the sums of so many rows; where it is smooth and enough of them
  // pay for it, by fewer nodes.
  std::vector<Point> nodes(std::size_t panel, std::size_t rows) const {
    if (smooth_[panel] && detail_ == Detail::coarse)
      return fewer_nodes<coarse_nodes>(panel);
    if (smooth_[panel] && rows >= rows_worth_a_rule)
      return fewer_nodes<fine_nodes>(panel);
    return nodes_[panel];
  }
  Point point(std::size_t step) const {
    const DropStep &it = steps_[step];
    return {std::log(it.rate), it.decrease, it.before};
  }

private:
  // Where to halve: at the cut nearest to the middle, if there is one.
  std::size_t middle_of(std::size_t begin, std::size_t end) const {
    const std::size_t middle = begin + (end - begin) / 2;
    const auto above = std::lower_bound(segments_.begin(), segments_.end(), middle);
    std::size_t best = none;
    if (above != segments_.end() && *above < end)
      best = *above;
    if (above != segments_.begin() && *(above - 1) > begin &&
        (best == none || middle - *(above - 1) < best - middle))
      best = *(above - 1);
    return best == none ? middle : best;
  }

  // Finds nodes for a panel whose second half is `second`, if it can.
  void stand_in(std::size_t index, std::size_t second) {
    Panel &panel = panels_[index];
    const std::size_t size = panel.end - panel.begin;
    std::vector<Point> points;
    if (!append(index + 1, points) || !append(second, points))
      return;
    const auto [least, most] =
        std::minmax_element(points.begin(), points.end(),
                            [](const Point &a, const Point &b) { return a.log_rate < b.log_rate; });
    const double area = (points.back().before - points.front().before).rounded();
    if (!(most->log_rate - least->log_rate <= variation && area > 0.0))
      return;
    const bool even =
        panels_[second].begin - panel.begin == size / 2 && smooth_[index + 1] && smooth_[second];
    std::vector<Point> nodes;
    if (even)
      nodes = smooth_nodes_of(panel, points, area);
    smooth_[index] = !nodes.empty();
    double away = detail_ == Detail::coarse ? coarse_distance : distance;
    if (nodes.empty()) {
      nodes = rough_nodes_of(points, area);
      if (!nodes.empty() && nodes.size() < points.size())
        away = rough_distance;
      else if (points.size() <= 3 * panel_nodes)
        nodes = std::move(points); // the halves' together, for the whole that this is half of
      else
        nodes.clear();
    }
    if (nodes.empty())
      return;
    const double widest =
        std::max({gap(panel.begin + 1), gap(panel.end - 1), area / static_cast<double>(size - 1)});
    panel.reach = away * static_cast<double>(size) * widest;
    panel.nodes = nodes.size();
    nodes_[index] = std::move(nodes);
  }

  double gap(std::size_t step) const {
    return (steps_[step].before - steps_[step - 1].before).rounded();
  }

  bool is_leaf(std::size_t panel) const { return panels_[panel].after == panel + 1; }

  // What stands for a half: its nodes, or the steps of a leaf that has none.
  bool append(std::size_t half, std::vector<Point> &points) const {
    if (panels_[half].nodes == 0)
      return is_leaf(half) && append_steps(panels_[half], points);
    points.insert(points.end(), nodes_[half].begin(), nodes_[half].end());
    return true;
  }

  bool append_steps(const Panel &panel, std::vector<Point> &points) const {
    for (std::size_t step = panel.begin; step < panel.end; ++step) {
      if (steps_[step].rate == 0.0)
        return false;
      points.push_back(point(step));
    }
    return true;
  }

  std::vector<Point> smooth_nodes_of(const Panel &panel, const std::vector<Point> &points,
                                     double area) {
    const std::size_t size = panel.end - panel.begin;
    const Grid &grid = grids_.try_emplace(size, size).first->second;
    if (points.size() != grid.basis.size())
      return {};
    const DoubleDouble origin = steps_[panel.begin].before;
    std::vector<Point> nodes;
    std::array<double, panel_nodes> log_rate, before;
    for (std::size_t j = 0; j < panel_nodes; ++j) {
      nodes.push_back(point(panel.begin + grid.node[j]));
      nodes[j].weight = 0.0;
      log_rate[j] = nodes[j].log_rate;
      before[j] = (nodes[j].before - origin).rounded();
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double log_error = dot(grid.basis[i], log_rate) - points[i].log_rate;
      const double area_error = dot(grid.basis[i], before) - (points[i].before - origin).rounded();
      if (!(std::abs(log_error) <= smoothness && std::abs(area_error) <= smoothness * area))
        return {};
      for (std::size_t j = 0; j < panel_nodes; ++j)
        nodes[j].weight += points[i].weight * grid.basis[i][j];
    }
    return nodes;
  }

  template <std::size_t n> std::vector<Point> fewer_nodes(std::size_t index) const {
    const Panel &panel = panels_[index];
    const std::vector<Point> &nodes = nodes_[index];
    const Lagrange<panel_nodes> &lagrange = grids_.at(panel.end - panel.begin).lagrange;
    std::array<double, panel_nodes> weight, log_rate, before;
    for (std::size_t j = 0; j < panel_nodes; ++j) {
      weight[j] = nodes[j].weight;
      log_rate[j] = nodes[j].log_rate;
      before[j] = (nodes[j].before - nodes[0].before).rounded();
    }
    const auto rule = GaussRule<n>::of(lagrange.nodes(), weight);
    if (!rule)
      return nodes;
    std::vector<Point> fewer;
    for (std::size_t i = 0; i < n; ++i) {
      const auto basis = lagrange.at(rule->node[i]);
      fewer.push_back({dot(basis, log_rate), rule->weight[i],
                       nodes[0].before + DoubleDouble(dot(basis, before))});
    }
    return fewer;
  }

  static std::vector<Point> rough_nodes_of(const std::vector<Point> &points, double area) {
    std::vector<double> x;
    for (const Point &point : points)
      x.push_back(2.0 * (point.before - points.front().before).rounded() / area - 1.0);
    const auto trend = Trend::through(x, points);
    if (!trend)
      return {};
    double farthest = smoothness;
    std::vector<double> off;
    for (std::size_t i = 0; i < points.size(); ++i) {
      off.push_back(points[i].log_rate - trend->at(x[i]));
      farthest = std::max(farthest, std::abs(off[i]));
      if (!(farthest <= roughness))
        return {};
    }
    const Levels levels(farthest);
    const auto nodes_x = chebyshev<panel_nodes>();
    std::vector<Point> nodes;
    for (const double at : nodes_x)
      for (std::size_t level = 0; level < levels.count; ++level)
        nodes.push_back({trend->at(at) + levels.offset(level), 0.0,
                         points.front().before + 0.5 * area * (at + 1.0)});
    const Lagrange<panel_nodes> lagrange(nodes_x);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto share = levels.share(off[i]);
      const auto basis = lagrange.at(x[i]);
      for (std::size_t j = 0; j < panel_nodes; ++j)
        for (std::size_t level = 0; level < levels.count; ++level)
          nodes[j * levels.count + level].weight += points[i].weight * basis[j] * share[level];
    }
    return nodes;
  }

  const std::vector<DropStep> &steps_;
  const std::vector<std::size_t> &segments_;
  std::vector<Panel> &panels_;
  Detail detail_;
  Cancel &cancel_;
  std::vector<std::vector<Point>> nodes_; // by panel
  std::vector<bool> smooth_;
  std::map<std::size_t, Grid> grids_;
};

DropPanels::DropPanels(const std::vector<DropStep> &steps, const std::vector<std::size_t> &segments,
                       const std::vector<DropRow> &rows, Detail detail, Cancel &cancel) {
  if (steps.empty())
    return;
  Builder builder(steps, segments, panels_, detail, cancel);
  builder.add(0, steps.size());
  const auto add_node = [this](const Point &point) {
    const bool at_zero = std::isinf(point.log_rate);
    if (at_zero)
      nodes_.at_zero.push_back(nodes_.size());
    nodes_.log_rate.push_back(at_zero ? 0.0 : point.log_rate);
    nodes_.before_high.push_back(point.before.hi);
    nodes_.before_low.push_back(point.before.lo);
    nodes_.weight.push_back(point.weight);
  };
  std::vector<std::size_t> users(panels_.size()); // rows, by panel
  for (const DropRow &row : rows) {
    cancel.check();
    walk(row, [&](std::size_t index, std::size_t n) { users[index] += n == 0; });
  }
  const auto keep = [&](std::size_t index, std::size_t n) {
    Panel &panel = panels_[index];
    std::size_t &first = n == 0 ? panel.first_node : panel.first_step;
    if (first != none)
      return;
    first = nodes_.size();
    if (n > 0)
      for (std::size_t step = panel.begin; step < panel.end; ++step)
        add_node(builder.point(step));
    else {
      const std::vector<Point> nodes = builder.nodes(index, users[index]);
      panel.nodes = nodes.size();
      for (const Point &node : nodes)
        add_node(node);
    }
  };
  for (const DropRow &row : rows) {
    cancel.check();
    walk(row, keep);
  }
  for (std::size_t k = 1; k < simd::sum_parts; ++k)
    add_node({0.0, 0.0, {}}); // read beyond the last, not summed
}

} // namespace lawfit
