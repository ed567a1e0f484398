/* Objectives of the bench and their exact Jacobians in C, solved by cminpack's lmder1 and lmder.
 * Residuals r have r*r/2 = w*Huber(log f - log y), as in problems.py. */

#include <cminpack.h>
#include <math.h>
#include <stdlib.h>

enum law { CHINCHILLA = 0, ANNEALING = 1 };

struct rows {
  enum law law;
  int n;
  const double *x1, *x2, *log_y, *root_weight; /* root_weight may be null */
  double *slope, *work;                        /* n each */
  double delta;
};

static const double LEAST = 1e-8;

static void predict(const struct rows *rows, const double *p, double *log_f) {
  const int n = rows->n;
  const double *restrict x1 = rows->x1, *restrict x2 = rows->x2;
  double *restrict out = log_f;
  if (rows->law == CHINCHILLA) {
    for (int i = 0; i < n; ++i) {
      const double t1 = p[0] - p[3] * x1[i], t2 = p[1] - p[4] * x2[i];
      double top = t1 > t2 ? t1 : t2;
      top = top > p[2] ? top : p[2];
      out[i] = top + log(exp(t1 - top) + exp(t2 - top) + exp(p[2] - top));
    }
  } else {
    for (int i = 0; i < n; ++i) {
      const double f = p[0] + p[1] * exp(-p[3] * x1[i]) - p[2] * x2[i];
      out[i] = log(f > LEAST ? f : LEAST);
    }
  }
}

static void residuals(const struct rows *rows, const double *p, double *restrict r) {
  const double delta = rows->delta;
  predict(rows, p, rows->work);
  for (int i = 0; i < rows->n; ++i) {
    const double d = rows->work[i] - rows->log_y[i], size = fabs(d);
    const double beyond = size > delta ? size - 0.5 * delta : 0.5 * delta;
    const double tail = copysign(sqrt(2 * delta * beyond), d);
    const double w = rows->root_weight ? rows->root_weight[i] : 1;
    r[i] = w * (size <= delta ? d : tail);
  }
}

/* The factor by which a residual's derivative is that of log f. */
static void slopes(const struct rows *rows) {
  const double delta = rows->delta;
  for (int i = 0; i < rows->n; ++i) {
    const double size = fabs(rows->work[i] - rows->log_y[i]);
    const double beyond = size > delta ? size - 0.5 * delta : 0.5 * delta;
    const double w = rows->root_weight ? rows->root_weight[i] : 1;
    rows->slope[i] = w * (size <= delta ? 1 : delta / sqrt(2 * delta * beyond));
  }
}

static void jacobian(const struct rows *rows, const double *p, double *jac, int ld) {
  const int n = rows->n;
  const double *restrict x1 = rows->x1, *restrict x2 = rows->x2, *restrict slope = rows->slope;
  const double *restrict log_f = rows->work;
  double *restrict j0 = jac, *restrict j1 = jac + ld, *restrict j2 = jac + 2 * (size_t)ld;
  double *restrict j3 = jac + 3 * (size_t)ld, *restrict j4 = jac + 4 * (size_t)ld;
  predict(rows, p, rows->work);
  slopes(rows);
  if (rows->law == CHINCHILLA) {
    for (int i = 0; i < n; ++i) {
      const double p1 = slope[i] * exp(p[0] - p[3] * x1[i] - log_f[i]);
      const double p2 = slope[i] * exp(p[1] - p[4] * x2[i] - log_f[i]);
      j0[i] = p1;
      j1[i] = p2;
      j2[i] = slope[i] * exp(p[2] - log_f[i]);
      j3[i] = -x1[i] * p1;
      j4[i] = -x2[i] * p2;
    }
  } else {
    for (int i = 0; i < n; ++i) {
      const double power = exp(-p[3] * x1[i]);
      const double f = p[0] + p[1] * power - p[2] * x2[i];
      const double inverse = f > LEAST ? slope[i] / f : 0;
      j0[i] = inverse;
      j1[i] = power * inverse;
      j2[i] = -x2[i] * inverse;
      j3[i] = -p[1] * x1[i] * power * inverse;
    }
  }
}

static int evaluate(void *user, int m, int n, const double *p, double *fvec, double *fjac,
                    int ldfjac, int flag) {
  const struct rows *rows = (const struct rows *)user;
  (void)m;
  (void)n;
  if (flag == 1)
    residuals(rows, p, fvec);
  else
    jacobian(rows, p, fjac, ldfjac);
  return 0;
}

/* Solves from k starts (k x p, overwritten by the solutions). simple: lmder1 with tol, else lmder
 * with ftol = xtol = tol and gtol = 0. Returns evaluations, or -1 without memory. */
long peer_solve(int law, int n, const double *x1, const double *x2, const double *log_y,
                const double *root_weight, double delta, int k, double *theta, int simple,
                double tol, int max_evaluations) {
  const int p = law == CHINCHILLA ? 5 : 4, lwa = 5 * p + n;
  double *room = malloc(sizeof(double) * (size_t)(n * (p + 4) + lwa + 7 * p));
  int pivots[5];
  long evaluations = 0;
  if (!room)
    return -1;
  double *fvec = room, *fjac = fvec + n, *wa = fjac + (size_t)n * (size_t)p, *diag = wa + lwa;
  double *qtf = diag + p, *wa1 = qtf + p, *wa2 = wa1 + p, *wa3 = wa2 + p, *wa4 = wa3 + p;
  double *slope = wa4 + n, *work = slope + n;
  struct rows rows = {(enum law)law, n, x1, x2, log_y, root_weight, slope, work, delta};
  for (int i = 0; i < k; ++i) {
    double *x = theta + (size_t)i * (size_t)p;
    int nfev = 0, njev = 0;
    if (simple)
      lmder1(evaluate, &rows, n, p, x, fvec, fjac, n, tol, pivots, wa, lwa);
    else
      lmder(evaluate, &rows, n, p, x, fvec, fjac, n, tol, tol, 0, max_evaluations, diag, 1, 100, 0,
            &nfev, &njev, pivots, qtf, wa1, wa2, wa3, wa4);
    evaluations += nfev;
  }
  free(room);
  return evaluations;
}
