// How far the evaluators are from what the machine can do.
//
//   cmake -S . -B build/bench -DBENCH=ON -DBINDINGS=OFF && cmake --build build/bench
//   build/bench/bench/kernels [--json]
//
// Prints nanoseconds a row of an evaluation (of F; of its gradient and Gauss–Newton matrix too; of
// its Hessian too), and beside each the sum of the primitives that it cannot do without, timed on
// this machine in the same run: the exps and logs of the formula and of its residual, with logs of
// data taken once; one product Jᵀc and one or two Gram matrices JᵀWJ; for a Hessian one sum a
// second derivative that is not zero. What an evaluator does beyond (filling arrays, losses, its
// own bookkeeping) is the distance. An implicit law's sum is that of one look at the formula: its
// ratio holds the search for the root. Loss drops are measured in nodes: the ratio is how many a
// row costs. One thread; the least of many rounds taken in turns. `memory`: what a row's columns
// would take from main memory, a bound only where they fit no cache.
#include "primitives.hpp"

#include "lawfit/loss_drop.hpp"

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace lawfit;
using namespace bench;

namespace {

// What a row needs at least.
struct Needs {
  int exps, logs;
  int second; // derivatives that are not zero
  int columns;
  bool drop = false; // its loss drop too, as measured alone
};

struct Entry {
  std::string name;
  Needs needs = {};
  int inputs = 0;
  bool is_drop = false;
  std::size_t time[3] = {};
  std::unique_ptr<Problem> problem = nullptr;
};

class Bench {
public:
  Bench() : primitives_(watch_) {
    // Second derivatives of terms: (A, α) and (α, α) of each power.
    add("chinchilla, 240 rows", chinchilla(240), {2, 1, 4, 3});
    add("chinchilla, 10k rows", chinchilla(10'000), {2, 1, 4, 3});
    Case smooth = chinchilla(10'000);
    smooth.options.loss = Loss::soft_l1;
    add("chinchilla, 10k rows, soft L1", smooth, {2, 1, 4, 3});
    add("annealing, 1k rows", annealing(1000), {1, 1, 2, 3});
    add("annealing, 100k rows", annealing(100'000), {1, 1, 2, 3});
    add("kaplan_nd (tape), 240 rows", kaplan_nd(240), {2, 2, 10, 3});
    add("kaplan_nd (tape), 10k rows", kaplan_nd(10'000), {2, 2, 10, 3});
    add("pass_until (tape, binomial), 10k", pass_until(10'000), {2, 2, 3, 3});
    add("kaplan_nsb (implicit), 1k rows", kaplan_nsb(1000), {3, 3, 21, 4});
    // (A, α), (α, α), B by each of the drop's three arguments and the six of the drop.
    add("multi_power, 1k rows of 24k steps", multi_power(1000), {1, 1, 11, 3, true});
    add_drop(1000);
  }

  void run(bool json) {
    watch_.run(25);
    json ? print_json() : print();
  }

private:
  void add(const char *name, const Case &job, const Needs &needs) {
    Entry entry{name, needs};
    entry.problem = job.problem(cancel_);
    const Problem &problem = *entry.problem;
    entry.inputs = static_cast<int>(problem.evaluator().inputs(Coordinates::centred).size());
    primitives_.gram(entry.inputs);
    primitives_.product(entry.inputs);
    Point theta = job.theta;
    problem.to_centred(theta);
    const auto work = std::make_shared<Problem::Workspace>(problem, Coordinates::centred);
    for (int order = 0; order < 3; ++order)
      entry.time[order] =
          watch_.add(static_cast<double>(problem.rows()), [this, &problem, theta, work, order] {
            problem.evaluate(theta.data(), order, out_, *work, cancel_);
          });
    entries_.push_back(std::move(entry));
  }

  void add_drop(std::size_t rows) {
    Entry entry{"loss drop alone, 1k rows", {0, 0, 0, 0}};
    entry.is_drop = true;
    const auto run = schedule(24000, Shape::cosine);
    const Data at = logged(rows, run);
    const auto drop =
        std::make_shared<LossDrop>(*run, Warmup::actual, at.steps.data(), rows, false, cancel_);
    const auto out = std::make_shared<Point>(10 * rows);
    for (int order = 0; order < 3; ++order)
      entry.time[order] = watch_.add(static_cast<double>(rows), [this, drop, out, rows, order] {
        const double arguments[] = {2.0, 0.6, 0.6};
        double *to = out->data();
        drop->evaluate(arguments, order, {to, to + rows, to + 4 * rows, rows}, cancel_);
      });
    entries_.push_back(std::move(entry));
  }

  double of(std::size_t piece) const { return watch_.nanoseconds(piece); }

  double limit(const Entry &entry, int order) {
    if (entry.is_drop)
      return of(primitives_.node[order]);
    const Needs &needs = entry.needs;
    double sum = needs.exps * of(primitives_.exp) + needs.logs * of(primitives_.log);
    if (order > 0)
      sum += of(primitives_.product(entry.inputs)) + of(primitives_.gram(entry.inputs));
    if (order > 1)
      sum += of(primitives_.gram(entry.inputs)) + needs.second * of(primitives_.dot);
    if (needs.drop)
      sum += of(entries_.back().time[order]);
    return sum;
  }

  void print() {
    std::printf("%s, one thread\n\n", simd::level());
    std::printf("%-42s %8s\n", "primitive", "ns");
    for (const auto &[name, ns] : times())
      std::printf("%-42s %8.3f\n", name.c_str(), ns);
    std::printf("%-42s %8.1f\n%-42s %8.1f\n", "read of memory, GB/s", 1 / of(primitives_.read),
                "triad a = b + s*c in memory, GB/s", 1 / of(primitives_.triad));
    std::printf("\n%-34s %25s %25s %25s %8s\n%-34s", "ns a row", "value", "and gradient",
                "and Hessian", "memory", "");
    for (int order = 0; order < 3; ++order)
      std::printf(" %9s %7s %7s", "measured", "limit", "ratio");
    std::printf("\n");
    for (const Entry &entry : entries_) {
      std::printf("%-34s", entry.name.c_str());
      for (int order = 0; order < 3; ++order) {
        const double ns = of(entry.time[order]), least = limit(entry, order);
        std::printf(" %9.2f %7.2f %7.1f", ns, least, ns / least);
      }
      if (!entry.is_drop)
        std::printf(" %8.2f", 8 * entry.needs.columns * of(primitives_.read));
      std::printf("\n");
    }
  }

  std::vector<std::pair<std::string, double>> times() const {
    std::vector<std::pair<std::string, double>> out = {
        {"exp", of(primitives_.exp)},
        {"log", of(primitives_.log)},
        {"sum of products (add_product, 1 column)", of(primitives_.dot)}};
    for (const auto &[m, piece] : primitives_.grams())
      out.emplace_back("add_gram, " + std::to_string(m) + " columns, a row", of(piece));
    out.emplace_back("multiply-add in registers", of(primitives_.in_registers));
    out.emplace_back("multiply-add from and to L1, plain loop", of(primitives_.in_l1));
    for (int order = 0; order < 3; ++order)
      out.emplace_back("loss drop's node, order " + std::to_string(order),
                       of(primitives_.node[order]));
    return out;
  }

  void print_json() {
    std::printf("{\"simd\": \"%s\",\n \"primitives_ns\": {", simd::level());
    const char *separator = "";
    for (const auto &[name, ns] : times()) {
      std::printf("%s\n  \"%s\": %.5g", separator, name.c_str(), ns);
      separator = ",";
    }
    std::printf("},\n \"read_gb_s\": %.5g,\n \"triad_gb_s\": %.5g,\n \"kernels\": [",
                1 / of(primitives_.read), 1 / of(primitives_.triad));
    separator = "";
    for (const Entry &entry : entries_)
      for (int order = 0; order < 3; ++order) {
        std::printf("%s\n  {\"kernel\": \"%s\", \"order\": %d, \"ns\": %.5g, \"limit_ns\": %.5g}",
                    separator, entry.name.c_str(), order, of(entry.time[order]),
                    limit(entry, order));
        separator = ",";
      }
    std::printf("]}\n");
  }

  Cancel cancel_;
  Evaluation out_;
  Stopwatch watch_;
  Primitives primitives_;
  std::vector<Entry> entries_;
};

} // namespace

int main(int argc, char **argv) {
  const bool json = argc == 2 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::fprintf(stderr, "usage: kernels [--json]\n");
    return 2;
  }
  std::make_unique<Bench>()->run(json);
  return 0;
}
