// What plain OpenMP does where lawfit promises more.
//   naive_openmp sum    how many results a sum by parallel reduction has over 1, 2, 4, 8 threads
//   naive_openmp fork   after a parallel region, whether one in the child of a fork ends
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { terms = 1000000, repeats = 20, patience_ms = 5000 };

static double sum(int threads) {
  double total = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : total)
  for (int i = 1; i <= terms; ++i)
    total += 1.0 / i;
  return total;
}

static int count_sums(void) {
  double seen[4 * repeats];
  int results = 0;
  for (int threads = 1; threads <= 8; threads *= 2)
    for (int k = 0; k < repeats; ++k) {
      const double found = sum(threads);
      int known = 0;
      for (int j = 0; j < results; ++j)
        known |= seen[j] == found;
      if (!known)
        seen[results++] = found;
    }
  printf("%d\n", results);
  return 0;
}

static int fork_child(void) {
  sum(2);
  const pid_t child = fork();
  if (child == 0) {
    sum(2);
    _exit(0);
  }
  for (int waited = 0; waited < patience_ms; waited += 10) {
    if (waitpid(child, 0, WNOHANG) == child) {
      puts("child ends");
      return 0;
    }
    usleep(10000);
  }
  kill(child, SIGKILL);
  waitpid(child, 0, 0);
  puts("child hangs");
  return 0;
}

int main(int count, char **arguments) {
  if (count != 2)
    return 2;
  return strcmp(arguments[1], "sum") == 0 ? count_sums() : fork_child();
}
