// What the evaluators are made of, each timed alone: the vector functions from the L1 cache, the
// multiply-add, and memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <vector>

#include "cases.hpp"
#include "lawfit/simd.hpp"
#include "stopwatch.hpp"

namespace bench {

// Sums in registers, enough of them to hide the latency of a multiply-add. The function that names
// an instruction set has this inlined, and built, for it.
template <class V> [[gnu::always_inline]] inline void multiply_adds(double *out, int times) {
  constexpr int chains = 12;
  V sums[chains] = {};
  const V a = V{} + 0.999, b = V{} + 1e-3;
  for (int i = 0; i < times; ++i)
    for (int k = 0; k < chains; ++k)
      sums[k] = sums[k] * a + b;
  for (int k = 1; k < chains; ++k)
    sums[0] += sums[k];
  std::memcpy(out, &sums[0], sizeof(V));
}

typedef double Vec2 __attribute__((vector_size(16)));
typedef double Vec4 __attribute__((vector_size(32)));
typedef double Vec8 __attribute__((vector_size(64)));

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512vl,avx512dq")]] inline void multiply_adds_avx512(double *out, int n) {
  multiply_adds<Vec8>(out, n);
}
[[gnu::target("avx2,fma")]] inline void multiply_adds_avx2(double *out, int n) {
  multiply_adds<Vec4>(out, n);
}
#endif
inline void multiply_adds_plain(double *out, int n) { multiply_adds<Vec2>(out, n); }

struct Primitives {
  explicit Primitives(Stopwatch &watch) : watch_(watch) {
    Random random(11);
    for (double &value : lines_)
      value = random.log_uniform(0.1, 10);
    exp = watch.add(block_rows, [this] { apply(simd::exp); });
    log = watch.add(block_rows, [this] { apply(simd::log); });
    dot = product(1);
    add_multiply_adds();
    in_l1 = watch.add(block_rows, [this] {
      for (std::size_t i = 0; i < block_rows; ++i)
        out_[i] = lines_[i] * lines_[block_rows + i] + 0.5;
      keep(out_);
    });
    add_memory();
    for (std::size_t order = 0; order < 3; ++order)
      node[order] = add_node(static_cast<int>(order));
  }
  Primitives(const Primitives &) = delete;
  Primitives &operator=(const Primitives &) = delete;

  // Of m columns, a row.
  std::size_t gram(int m) {
    return remember(grams_, m, [this, m] {
      simd::add_gram(lines_, block_rows, m, lines_ + max_parameters * block_rows, block_rows,
                     sums_);
      keep(sums_);
    });
  }
  std::size_t product(int m) {
    return remember(products_, m, [this, m] {
      simd::add_product(lines_, block_rows, m, lines_ + max_parameters * block_rows, block_rows,
                        sums_);
      keep(sums_);
    });
  }

  // Indices of times: an element, a multiply-add of one lane, a byte, a node of a loss drop.
  std::size_t exp, log, dot, in_registers, in_l1, read, triad, node[3];
  const std::map<int, std::size_t> &grams() const { return grams_; }

private:
  template <class Work>
  std::size_t remember(std::map<int, std::size_t> &known, int m, const Work &work) {
    const auto found = known.find(m);
    return found != known.end() ? found->second
                                : known.emplace(m, watch_.add(block_rows, work)).first->second;
  }

  void apply(void (*function)(const double *, double *, std::size_t)) {
    function(lines_, out_, block_rows);
    keep(out_);
  }

  void add_multiply_adds() {
    constexpr int times = 1000;
    auto *work = multiply_adds_plain;
    int lanes = 2;
#if defined(__x86_64__)
    if (std::strcmp(simd::level(), "avx512") == 0) {
      work = multiply_adds_avx512;
      lanes = 8;
    } else if (std::strcmp(simd::level(), "avx2") == 0) {
      work = multiply_adds_avx2;
      lanes = 4;
    }
#endif
    in_registers = watch_.add(12.0 * times * lanes, [this, work] {
      work(sums_, times);
      keep(sums_);
    });
  }

  // Far more than a cache holds.
  void add_memory() {
    constexpr std::size_t n = std::size_t{1} << 23;
    for (Point &array : arrays_)
      array.assign(n, 1.0);
    read = watch_.add(8.0 * n, [this] {
      Vec8 sum[2] = {};
      for (std::size_t i = 0; i < n; i += 16)
        for (std::size_t k = 0; k < 2; ++k) {
          Vec8 next;
          std::memcpy(&next, arrays_[0].data() + i + 8 * k, sizeof next);
          sum[k] += next;
        }
      sum[0] += sum[1];
      keep(sum);
    });
    triad = watch_.add(24.0 * n, [this] {
      double *out = arrays_[0].data();
      const double *a = arrays_[1].data(), *b = arrays_[2].data();
      for (std::size_t i = 0; i < n; ++i)
        out[i] = a[i] + 0.5 * b[i];
      keep(out);
    });
  }

  std::size_t add_node(int order) {
    return watch_.add(block_rows, [this, order] {
      const simd::DropNodes nodes = {lines_, lines_ + block_rows, lines_ + 2 * block_rows,
                                     lines_ + 3 * block_rows, lines_ + 4 * block_rows};
      const simd::DropRun run = {0, block_rows};
      simd::add_drop({2.0, 0.6, 20.0, 0.0}, nodes, &run, 1, order, drops_);
      keep(&drops_);
    });
  }

  Stopwatch &watch_;
  std::map<int, std::size_t> grams_, products_;
  // Columns, and after them weights.
  alignas(64) double lines_[(max_parameters + 1) * block_rows], out_[block_rows];
  double sums_[max_parameters * max_parameters] = {};
  simd::DropSums drops_ = {};
  Point arrays_[3];
};

} // namespace bench
