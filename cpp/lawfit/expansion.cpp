#include "lawfit/expansion.hpp"

#include <algorithm>
#include <cmath>

#include "lawfit/linalg.hpp"
#include "lawfit/simd.hpp"

namespace lawfit {
namespace {

constexpr std::size_t B = block_rows;
// The bend of a logarithm whose argument changes by at most a hundredth.
constexpr double bent = 1.02;
// A row of more leverage tells as much as all others together, and is near: bounds for all rows go
// by the largest.
constexpr double most_leverage = 1;

// The largest of x[i]·y[i], in parts that a vector may hold.
double largest_product(const double *x, const double *y, std::size_t n) {
  constexpr std::size_t parts = 8;
  double part[parts] = {}, largest = 0;
  std::size_t i = 0;
  for (; i + parts <= n; i += parts)
    for (std::size_t k = 0; k < parts; ++k) {
      const double product = std::abs(x[i + k] * y[i + k]);
      part[k] = product > part[k] ? product : part[k];
    }
  for (; i < n; ++i)
    largest = std::max(largest, std::abs(x[i] * y[i]));
  for (std::size_t k = 0; k < parts && n >= parts; ++k)
    largest = std::max(largest, part[k]);
  return largest;
}

// The place of T_k,i,j (j <= i <= k) in the blocks.
std::size_t block_at(int k) {
  return static_cast<std::size_t>(k) * static_cast<std::size_t>(k + 1) *
         static_cast<std::size_t>(2 * k + 1) / 6;
}
std::size_t pair_at(int a, int b) { return static_cast<std::size_t>(a * (a + 1) / 2 + b); }

} // namespace

struct Expansion::Block {
  PowerBlock law;
  alignas(64) double feature[max_features][B];
  alignas(64) double jacobian[max_power_parameters][B];
  alignas(64) double residual[B], distance[B], reach[B], leverage[B], w1[B], w2[B], w3[B],
      weight[B];
  alignas(64) double sums[2][B]; // rho and |w1|
};

Expansion::Expansion(const PowerSum &law, const Residual &residual, NearRows policy)
    : law_(law), residual_(residual), policy_(policy), p_(law.parameters), features_(law),
      q_(features_.size()), block_(std::make_unique<Block>()), blocks_(block_at(q_)),
      cubic_(pair_at(q_, 0) * static_cast<std::size_t>(q_)) {}
Expansion::~Expansion() = default;

bool Expansion::fits(const PowerSum &law) { return PowerFeatures(law).size() <= max_features; }

void Expansion::begin(const double *theta, const double *metric, double radius, double least,
                      double most, std::size_t rows) {
  features_.anchor(theta, 0.5 * (least + most));
  radius_ = radius;
  half_ = 0.5 * (most - least);
  evenly_ = std::sqrt(static_cast<double>(p_) / static_cast<double>(rows));
  // What no row depends on has no length of its own; a row that comes to depend on it is near.
  for (double damping = 0;; damping = damping == 0 ? 1e-12 : 100 * damping) {
    std::copy_n(metric, p_ * p_, factor_);
    for (int k = 0; k < p_; ++k)
      factor_[k * p_ + k] += damping * std::abs(metric[k * p_ + k]) + 1e-200;
    if (linalg::cholesky(factor_, p_, p_))
      break;
  }
  for (int k = 0; k < p_; ++k) {
    double unit[max_power_parameters] = {};
    unit[k] = 1;
    linalg::cholesky_solve(factor_, p_, p_, unit);
    error_[k] = std::sqrt(unit[k]);
  }
  rows_ = summed_ = 0;
  near_.clear();
  value_ = {};
  scores_ = leverage_ = 0;
  std::fill_n(gradient_, max_features, 0.0);
  std::fill_n(largest_, max_features, 0.0);
  std::fill_n(quadratic_, max_features * max_features, 0.0);
  std::fill_n(crossing_, shells, 0.0);
  std::fill(blocks_.begin(), blocks_.end(), 0.0);
  std::fill(cubic_.begin(), cubic_.end(), 0.0);
  move_ = bend_ = spread_ = 0;
}

// Features, residuals and their derivatives by the parameters, at the anchor.
void Expansion::prepare(const PowerRows &rows, std::size_t first, std::size_t n) {
  Block &b = *block_;
  const double *x = rows.log_s1.data() + first, *target = rows.target.data() + first;
  b.law.fill(law_, features_.anchor(), x, rows.s2.data() + first, n);
  double *r = b.residual, *inverse = b.weight;
  if (residual_.logarithmic)
    simd::log(b.law.value, r, simd::whole_parts(n));
  for (std::size_t i = 0; i < n; ++i) {
    r[i] = (residual_.logarithmic ? r[i] : b.law.value[i]) - target[i];
    inverse[i] = residual_.logarithmic ? 1 / b.law.value[i] : 1.0;
  }
  for (int k = 0; k < p_; ++k)
    std::fill_n(b.jacobian[k], n, 0.0);
  for (int k = 0; k < q_; ++k) {
    const PowerTerm &term = features_.term(k);
    const int power = features_[k].power;
    double *a = b.feature[k];
    const double *before = power == 0 ? b.law.shape[features_[k].term] : b.feature[k - 1];
    const double middle = features_.middle(), by_exponent = features_.anchored_slope(k);
    for (std::size_t i = 0; i < n; ++i)
      a[i] = before[i] * (power == 0 ? inverse[i] : x[i] - middle);
    if (power == 0 && term.coefficient >= 0)
      for (std::size_t i = 0; i < n; ++i)
        b.jacobian[term.coefficient][i] += term.factor * a[i];
    if (by_exponent != 0)
      for (std::size_t i = 0; i < n; ++i)
        b.jacobian[term.exponent][i] += by_exponent * a[i];
  }
}

// Leverages, and how far a residual may move within a radius of 1.
void Expansion::measure(std::size_t n) {
  Block &b = *block_;
  std::fill_n(b.leverage, n, 0.0);
  for (int k = 0; k < p_; ++k) {
    double *z = b.jacobian[k];
    for (int l = 0; l < k; ++l)
      for (std::size_t i = 0; i < n; ++i)
        z[i] -= factor_[k * p_ + l] * b.jacobian[l][i];
    const double scale = 1 / factor_[k * p_ + k];
    for (std::size_t i = 0; i < n; ++i) {
      z[i] *= scale;
      b.leverage[i] += z[i] * z[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    b.reach[i] = bent * (std::sqrt(b.leverage[i]) + evenly_);
}

// Weights of the rows that are summed; the near ones weigh nothing.
void Expansion::classify(const PowerRows &rows, std::size_t first, std::size_t n) {
  Block &b = *block_;
  const double delta = residual_.delta, bends = residual_.logarithmic ? 1.0 : 0.0;
  const double radius = policy_ == NearRows::kept_apart ? radius_ : -1.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double r = b.residual[i], distance = std::abs(std::abs(r) - delta);
    const double below = r < -delta ? -delta : r, side = below > delta ? delta : below;
    const double inside = side == r ? 1.0 : 0.0;
    const double safe = distance > radius * b.reach[i] ? 1.0 : 0.0;
    const double keep = b.leverage[i] <= most_leverage ? safe : 0.0;
    b.sums[0][i] = side * (r - 0.5 * side);
    b.w1[i] = keep * side;
    b.w2[i] = keep * (inside - bends * side);
    b.w3[i] = keep * bends * (2 * side - 3 * inside);
    b.sums[1][i] = std::abs(b.w1[i]);
    b.weight[i] = keep;
    b.distance[i] = distance;
  }
  for (std::size_t i = n; i < simd::whole_parts(n); ++i)
    b.weight[i] = b.sums[0][i] = b.sums[1][i] = 0;
  double sums[2] = {};
  simd::add_product(b.sums[0], B, 2, b.weight, simd::whole_parts(n), sums);
  value_.add(sums[0]);
  scores_ += sums[1];
  for (std::size_t i = 0; i < n; ++i)
    if (b.weight[i] == 0)
      near_.append(rows.log_s1[first + i], rows.s2[first + i], rows.target[first + i]);
  summed_ = rows_ + n - near_.size();
}

// What the bounds need of the rows that are summed.
void Expansion::note_bounds(const double *log_s1, std::size_t n) {
  Block &b = *block_;
  half_ = std::max({half_, features_.middle() - log_s1[0], log_s1[n - 1] - features_.middle()});
  for (int k = 0; k < q_; ++k)
    if (features_[k].power == 0)
      largest_[k] = std::fmax(largest_[k], largest_product(b.feature[k], b.weight, n));
  leverage_ = std::fmax(leverage_, largest_product(b.leverage, b.weight, n));
  if (policy_ == NearRows::kept_apart)
    return;
  for (std::size_t i = 0; i < n; ++i) {
    const double ratio = radius_ * b.reach[i] / b.distance[i];
    if (!(ratio > 1))
      continue;
    const int shell = std::min(shells - 1, static_cast<int>(std::ilogb(ratio)));
    const double root = std::sqrt(b.leverage[i]);
    crossing_[shell] += (root + evenly_) * root;
  }
}

void Expansion::add(const PowerRows &rows, std::size_t first, std::size_t n) {
  Block &b = *block_;
  prepare(rows, first, n);
  measure(n);
  classify(rows, first, n);
  note_bounds(rows.log_s1.data() + first, n);
  rows_ += n;
  simd::add_product(b.feature[0], B, q_, b.w1, n, gradient_);
  simd::add_gram(b.feature[0], B, q_, b.w2, n, quadratic_);
  if (!residual_.logarithmic)
    return;
  for (int k = 0; k < q_; ++k) {
    for (std::size_t i = 0; i < n; ++i)
      b.weight[i] = b.w3[i] * b.feature[k][i];
    simd::add_gram(b.feature[0], B, k + 1, b.weight, n, blocks_.data() + block_at(k));
  }
}

void Expansion::finish() {
  for (int a = 0; a < q_; ++a)
    for (int b = 0; b <= a; ++b)
      for (int c = 0; c < q_; ++c) {
        int at[] = {a, b, c};
        std::sort(at, at + 3);
        cubic_[pair_at(a, b) * static_cast<std::size_t>(q_) + static_cast<std::size_t>(c)] =
            blocks_[block_at(at[2]) + static_cast<std::size_t>(at[1] * (at[2] + 1) + at[0])];
      }
}

void Expansion::append(const PowerRows &rows, std::size_t row) {
  Block &b = *block_;
  prepare(rows, row, 1);
  measure(1);
  classify(rows, row, 1);
  note_bounds(rows.log_s1.data() + row, 1);
  ++rows_;
  if (b.weight[0] == 0)
    return;
  double a[max_features];
  for (int k = 0; k < q_; ++k)
    a[k] = b.feature[k][0];
  double *cubic = cubic_.data();
  for (int k = 0; k < q_; ++k) {
    gradient_[k] += b.w1[0] * a[k];
    for (int l = 0; l <= k; ++l, cubic += q_) {
      const double product = a[k] * a[l];
      quadratic_[k * q_ + l] += b.w2[0] * product;
      for (int m = 0; m < q_; ++m)
        cubic[m] += b.w3[0] * product * a[m];
    }
  }
}

// |d|, and ζ: a feature's column is at most that of its term's first times powers of x − x̄.
void Expansion::place(const double *theta) {
  features_.place(theta);
  double squares = 0;
  for (int k = 0; k < p_; ++k) {
    double sum = 0;
    for (int l = k; l < p_; ++l)
      sum += factor_[l * p_ + k] * (theta[l] - features_.anchor()[l]);
    squares += sum * sum;
  }
  move_ = std::sqrt(squares);
  bend_ = 0;
  double largest = 0;
  for (int k = 0; k < q_; ++k) {
    largest = features_[k].power == 0 ? largest_[k] : largest * half_;
    bend_ += largest * std::abs(features_.bend(k));
  }
}

void Expansion::evaluate(const double *theta, Evaluation &out) {
  place(theta);
  double phi[max_features], first[max_features] = {}, second[max_features * max_features];
  for (int k = 0; k < q_; ++k)
    phi[k] = features_(k);
  double third = 0, linear = 0;
  spread_ = 0;
  const double *cubic = cubic_.data();
  for (int k = 0; k < q_; ++k)
    for (int l = 0; l <= k; ++l, cubic += q_) {
      double bend = 0;
      for (int m = 0; m < q_; ++m)
        bend += cubic[m] * phi[m];
      const double square = quadratic_[k * q_ + l], both = square + 0.5 * bend;
      second[k * q_ + l] = square + bend;
      first[k] += both * phi[l];
      if (l != k)
        first[l] += both * phi[k];
      const double product = (l == k ? 1.0 : 2.0) * phi[k] * phi[l];
      spread_ += square * product;
      third += bend * product;
    }
  for (int k = 0; k < q_; ++k) {
    linear += gradient_[k] * phi[k];
    first[k] += gradient_[k];
  }
  out.objective += value_.value() + (linear + (0.5 * spread_ + third / 6));
  features_.chain(first, second, out);
}

// √n·τ, and σ: what powers of Δe beyond the last leave out.
double Expansion::tail(double &by_exponent) const {
  double tau = 0;
  by_exponent = 0;
  for (int k = 0; k < q_; ++k) {
    const PowerTerm &term = features_.term(k);
    if (features_[k].power != 0 || term.exponent < 0)
      continue;
    const double x = std::abs(features_.exponent_change(k)) * half_;
    double next = largest_[k] * features_.carried(k) * std::exp(x);
    for (int j = 1; j <= expansion_order; ++j)
      next *= x / j;
    tau += next * x / (expansion_order + 1);
    by_exponent += scores_ * next * half_ * std::abs(term.slope) * error_[term.exponent];
  }
  return tau * std::sqrt(static_cast<double>(summed_));
}

// Rows that cross a kink within the move are off by at most their own move.
double Expansion::crossings(double move) const {
  if (policy_ == NearRows::kept_apart || move == 0)
    return 0;
  const int from = std::max(0, static_cast<int>(std::ilogb(radius_ / move)));
  double sum = 0;
  for (int k = std::min(from, shells - 1); k < shells; ++k)
    sum += crossing_[k];
  return bent * move * sum;
}

Expansion::Reach Expansion::reach() const {
  const double move = std::fmax(move_, bend_ / evenly_);
  const double n = static_cast<double>(summed_);
  const double u = bent * (move_ * std::sqrt(leverage_) + bend_);
  double by_exponent = 0, error = tail(by_exponent);
  error += by_exponent + crossings(move);
  if (residual_.logarithmic) {
    const double delta = std::fmin(residual_.delta, 1.0);
    const double squares = std::fmax(spread_, 0.0) + delta * n * u * u;
    error += 2 * u * u * std::sqrt(squares) + delta * u * u * u * std::sqrt(n);
  }
  return {move, 0.5 * error * error, move <= radius_ && u <= 0.01};
}

} // namespace lawfit
