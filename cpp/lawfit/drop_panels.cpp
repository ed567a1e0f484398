#include "lawfit/drop_panels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace lawfit {
namespace {

constexpr std::size_t panel_nodes = DropPanels::panel_nodes;
constexpr double never = std::numeric_limits<double>::infinity();
constexpr double pi = 3.14159265358979323846;

// A step, or a node that stands for some.
struct Point {
  double log_rate, weight;
  DoubleDouble before;
};

// Chebyshev's points in −1 … 1, ascending.
template <std::size_t n> std::array<double, n> chebyshev() {
  std::array<double, n> x;
  for (std::size_t j = 0; j < n; ++j)
    x[j] = -std::cos(pi * static_cast<double>(2 * j + 1) / (2.0 * n));
  return x;
}

// Lagrange's polynomials ℓ_j over n nodes, by the barycentric formula (Berrut and Trefethen 2004).
template <std::size_t n> class Lagrange {
public:
  explicit Lagrange(const std::array<double, n> &x) : x_(x) {
    for (std::size_t j = 0; j < n; ++j) {
      scale_[j] = 1.0;
      for (std::size_t l = 0; l < n; ++l)
        if (l != j)
          scale_[j] /= 2.0 * (x[j] - x[l]); // a range of 2 becomes 4, whose products stay near 1
    }
  }

  std::array<double, n> at(double x) const {
    std::array<double, n> values{};
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      if (x == x_[j]) {
        values.fill(0.0);
        values[j] = 1.0;
        return values;
      }
      sum += values[j] = scale_[j] / (x - x_[j]);
    }
    for (double &value : values)
      value /= sum;
    return values;
  }

private:
  std::array<double, n> x_, scale_;
};

template <std::size_t n>
double dot(const std::array<double, n> &a, const std::array<double, n> &b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < n; ++j)
    sum += a[j] * b[j];
  return sum;
}

// What smooth panels of one size have in common: their nodes, and ℓ_j at the points at which they
// ask whether they are smooth. These are their halves' nodes, or all steps of a leaf.
struct Grid {
  explicit Grid(std::size_t size) : node(chebyshev_steps(size)) {
    std::vector<std::size_t> point;
    if (size <= DropPanels::leaf_steps)
      for (std::size_t i = 0; i < size; ++i)
        point.push_back(i);
    else {
      for (const std::size_t i : chebyshev_steps(size / 2))
        point.push_back(i);
      for (const std::size_t i : chebyshev_steps(size - size / 2))
        point.push_back(size / 2 + i);
    }
    const auto place = [size](std::size_t step) {
      return 2.0 * static_cast<double>(step) / static_cast<double>(size) - 1.0;
    };
    std::array<double, panel_nodes> x;
    std::transform(node.begin(), node.end(), x.begin(), place);
    const Lagrange<panel_nodes> lagrange(x);
    for (const std::size_t step : point)
      basis.push_back(lagrange.at(place(step)));
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
          std::vector<Panel> &panels, bool exact, Cancel &cancel)
      : steps_(steps), segments_(segments), panels_(panels), exact_(exact), cancel_(cancel) {}

  // Appends the panel of the steps begin … end − 1 and all of its parts. Returns its index.
  std::size_t add(std::size_t begin, std::size_t end) {
    cancel_.check();
    const std::size_t index = panels_.size();
    panels_.push_back({begin, end, 0, steps_[end - 1].before.hi, never, 0});
    nodes_.emplace_back();
    smooth_.push_back(end - begin == panel_nodes); // then its steps are its nodes
    std::size_t second = none;
    if (!panels_[index].is_leaf()) {
      const std::size_t middle = middle_of(begin, end);
      add(begin, middle);
      second = add(middle, end);
    }
    panels_[index].after = panels_.size();
    if (!exact_ && end - begin > panel_nodes)
      stand_in(index, second);
    return index;
  }

  const std::vector<Point> &nodes(std::size_t panel) const { return nodes_[panel]; }
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
    if (second == none) {
      if (!append_steps(panel, points))
        return;
    } else if (!append(index + 1, points) || !append(second, points))
      return;
    const auto [least, most] =
        std::minmax_element(points.begin(), points.end(),
                            [](const Point &a, const Point &b) { return a.log_rate < b.log_rate; });
    const double area = (points.back().before - points.front().before).rounded();
    if (!(most->log_rate - least->log_rate <= variation && area > 0.0))
      return;
    const bool even = second == none || (panels_[second].begin - panel.begin == size / 2 &&
                                         smooth_[index + 1] && smooth_[second]);
    std::vector<Point> nodes;
    if (even)
      nodes = smooth_nodes_of(panel, points, area);
    smooth_[index] = !nodes.empty();
    double away = distance;
    if (nodes.empty() && second != none) {
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

  // What stands for a half: its nodes, or the steps of a leaf that has none.
  bool append(std::size_t half, std::vector<Point> &points) const {
    if (panels_[half].nodes == 0)
      return panels_[half].is_leaf() && append_steps(panels_[half], points);
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
  bool exact_;
  Cancel &cancel_;
  std::vector<std::vector<Point>> nodes_; // by panel
  std::vector<bool> smooth_;
  std::map<std::size_t, Grid> grids_;
};

DropPanels::DropPanels(const std::vector<DropStep> &steps, const std::vector<std::size_t> &segments,
                       const std::vector<DropRow> &rows, bool exact, Cancel &cancel) {
  if (steps.empty())
    return;
  Builder builder(steps, segments, panels_, exact, cancel);
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
  const auto keep = [&](std::size_t index, std::size_t n) {
    Panel &panel = panels_[index];
    std::size_t &first = n == 0 ? panel.first_node : panel.first_step;
    if (first != none)
      return;
    first = nodes_.size();
    if (n > 0)
      for (std::size_t step = panel.begin; step < panel.end; ++step)
        add_node(builder.point(step));
    else
      for (const Point &node : builder.nodes(index))
        add_node(node);
  };
  for (const DropRow &row : rows) {
    cancel.check();
    walk(row, keep);
  }
}

} // namespace lawfit
