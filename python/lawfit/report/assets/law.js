// A fitted law over a schedule: areas as prefix sums, and the law's program interpreted.

// Where the ramp of a warm-up begins, and how much shorter than the warm-up it is.
const RAMPS = {
  open: [0, 0],
  shifted: [1, 0],
  closed: [0, 1],
};

// How much of the start is left at x, 0 … 1, of a decay.
const LEFT = {
  linear: (x) => 1 - x,
  cosine: (x) => (1 + Math.cos(Math.PI * x)) / 2,
  "1-sqrt": (x) => 1 - Math.sqrt(x),
};

// The learning rate of every step of a plan, as lawfit.schedules.wsd has it.
function ratesOf(plan) {
  const { steps, peak, warmup, decay_start: start, end, shape } = plan;
  const rates = new Float64Array(steps).fill(peak);
  const [offset, shorter] = RAMPS[plan.ramp];
  const ramp = Math.max(warmup - shorter, 1);
  for (let t = 0; t < warmup; t++) rates[t] = (peak * (offset + t)) / ramp;
  const span = Math.max(steps - start - (plan.endpoint ? 1 : 0), 1);
  for (let t = start; t < steps; t++) {
    const x = (t - start) / span;
    if (shape === "exponential") {
      rates[t] = Math.exp(Math.log(peak) * (1 - x) + Math.log(end) * x);
    } else {
      const w = LEFT[shape](x);
      rates[t] = peak * w + end * (1 - w);
    }
  }
  return rates;
}

// Areas of a schedule at some ascending steps. `mode` is what the warm-up counts for.
class Areas {
  constructor(rates, warmup, mode, at) {
    this.actual = rates;
    this.at = at;
    this.first = mode === "skip" ? warmup + 1 : 1; // whose decrease counts
    this.rates = rates;
    if (mode === "peak" && warmup > 0) {
      this.rates = Float64Array.from(rates);
      this.rates.fill(rates[Math.min(warmup, rates.length - 1)], 0, warmup);
    }
    this.sums = null;
    this.known = new Map();
  }

  // What was asked for already: most parameters have no part in most areas.
  once(name, ...args) {
    const key = `${name} ${args.join(" ")}`;
    if (!this.known.has(key)) this.known.set(key, this[name](...args));
    return this.known.get(key);
  }

  // The sums of the rates before each step: entry k is of steps 0 … k - 1.
  prefix() {
    if (this.sums === null) {
      this.sums = new Float64Array(this.rates.length + 1);
      for (let t = 0; t < this.rates.length; t++) this.sums[t + 1] = this.sums[t] + this.rates[t];
    }
    return this.sums;
  }

  s1() {
    const sums = this.prefix();
    return Float64Array.from(this.at, (t) => sums[t + 1]);
  }

  // Σ m_i with m_i = λ·m_{i-1} + (η_{i-1} - η_i)
  s2(lam) {
    const { rates, first } = this;
    let m = 0;
    return this.walked((t, area) => {
      if (t < first) return area;
      m = lam * m + (rates[t - 1] - rates[t]);
      return area + m;
    });
  }

  // Adam's moments of the decreases (arXiv 2512.13705).
  momentArea(beta1, beta2) {
    const { rates, first } = this;
    let m = 0, v = 0, power1 = 1, power2 = 1;
    return this.walked((t, area) => {
      if (t < first) return area;
      const delta = rates[t - 1] - rates[t];
      m = beta1 * m + (1 - beta1) * delta;
      v = beta2 * v + (1 - beta2) * 1e5 * delta * delta;
      power1 *= beta1;
      power2 *= beta2;
      return area + m / (1 - power1) / (Math.sqrt(v / (1 - power2) + 1e-8) + 1e-8);
    });
  }

  // A running value at every step asked for.
  walked(next) {
    const found = new Float64Array(this.at.length);
    let value = 0, k = 0;
    for (let t = 0; t < this.rates.length && k < this.at.length; t++) {
      value = next(t, value);
      while (k < this.at.length && this.at[k] === t) found[k++] = value;
    }
    return found;
  }

  // Σ (η_{k-1} - η_k)·G(η_k^-γ·S_k(t)), G(x) = 1 - (1 + C·x)^-β (arXiv 2503.12811)
  lossDrop(C, beta, gamma) {
    const { rates } = this, sums = this.prefix(), last = this.at[this.at.length - 1];
    const steps = [], drops = [], scales = [];
    for (let k = this.first; k <= last; k++) {
      const drop = rates[k - 1] - rates[k];
      if (drop === 0) continue;
      steps.push(k);
      drops.push(drop);
      scales.push(C === 0 ? 0 : C * Math.pow(rates[k], -gamma)); // infinite where the rate falls to 0
    }
    return Float64Array.from(this.at, (t) => {
      let total = 0;
      for (let i = 0; i < steps.length && steps[i] <= t; i++) {
        const area = sums[t + 1] - sums[steps[i]];
        const x = area === 0 ? 0 : scales[i] * area; // a fall to 0 pays once the rate rises again
        total -= drops[i] * Math.expm1(-beta * Math.log1p(x));
      }
      return total;
    });
  }

  // The two sums of the convex bound (arXiv 2501.18965), of the rates as they are.
  bounds() {
    const { actual } = this;
    const mean = new Float64Array(this.at.length), last = new Float64Array(this.at.length);
    this.at.forEach((t, place) => {
      let area = 0, squares = 0, total = 0;
      for (let k = t; k >= 0; k--) {
        const rate = actual[k], after = area;
        area += rate;
        squares += rate * rate;
        if (k < t && rate > 0) total += (rate / after) * (squares / area);
      }
      mean[place] = area > 0 ? squares / (2 * area) : 0;
      last[place] = area > 0 ? total / 2 : 0;
    });
    return { mean, last };
  }
}

const ONE = {
  neg: (x) => -x, exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1,
  sqrt: Math.sqrt, sin: Math.sin, cos: Math.cos, tan: Math.tan, atan: Math.atan, tanh: Math.tanh,
  expit: (x) => 1 / (1 + Math.exp(-x)), abs: Math.abs,
};

const TWO = {
  add: (x, y) => x + y, sub: (x, y) => x - y, mul: (x, y) => x * y, div: (x, y) => x / y,
  pow: Math.pow, minimum: Math.min, maximum: Math.max,
  logaddexp: (x, y) => (x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))),
};

// The law's values: every instruction in turn, by name from these lists; what is in none is refused.
function evaluate(model, theta, areas, columns) {
  const n = areas.at.length, held = [];
  const scalar = (k) => held[k][0];
  model.code.forEach(([op, a, b], k) => {
    const row = new Float64Array(n);
    if (op === "constant") row.fill(model.constants[a]);
    else if (op === "parameter") row.fill(theta[a]);
    else if (op === "column") row.set(columns[model.columns[a]]);
    else if (op === "argument") row.set(held[a]);
    else if (op === "s1") row.set(areas.once("s1"));
    else if (op === "s2") row.set(areas.once("s2", scalar(a)));
    else if (op === "moment_area") row.set(areas.once("momentArea", scalar(a), scalar(a + 1)));
    else if (op === "loss_drop") row.set(areas.once("lossDrop", scalar(a), scalar(a + 1), scalar(a + 2)));
    else if (op === "bound_mean") row.set(areas.once("bounds").mean);
    else if (op === "bound_last") row.set(areas.once("bounds").last);
    else if (Object.hasOwn(ONE, op)) for (let i = 0; i < n; i++) row[i] = ONE[op](held[a][i]);
    else if (Object.hasOwn(TWO, op)) for (let i = 0; i < n; i++) row[i] = TWO[op](held[a][i], held[b][i]);
    else throw new Error(`unknown operation ${op}`);
    held[k] = row;
  });
  return held[held.length - 1];
}

// The law over a plan, with its interval by the delta method.
function forecast(model, plan, at) {
  const rates = ratesOf(plan);
  const areas = new Areas(rates, plan.warmup, model.warmup, at);
  const columns = {
    step: Float64Array.from(at),
    lr: Float64Array.from(at, (t) => rates[t]),
    N: new Float64Array(at.length).fill(plan.params ?? NaN),
    D: Float64Array.from(at, (t) => (t + 1) * (plan.tokens_per_step ?? NaN)),
  };
  const value = (theta) => evaluate(model, theta, areas, columns);
  const loss = value(model.theta);
  if (model.lost.length) return { rates, loss, low: null, high: null };
  const slopes = model.free.map((index, j) => slope(model, value, index, j));
  const low = new Float64Array(at.length), high = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) {
    let variance = 0;
    for (let j = 0; j < slopes.length; j++)
      for (let k = 0; k < slopes.length; k++) variance += slopes[j][i] * model.cov[j][k] * slopes[k][i];
    const half = model.quantile * Math.sqrt(Math.max(variance, 0));
    const factor = Math.exp(half / loss[i]);
    const logarithmic = model.log && loss[i] > 0;
    low[i] = logarithmic ? loss[i] / factor : loss[i] - half;
    high[i] = logarithmic ? loss[i] * factor : loss[i] + half;
  }
  return { rates, loss, low, high };
}

// The derivative of every value by one parameter, from both sides, within its bounds.
function slope(model, value, index, j) {
  const middle = model.theta[index];
  const room = Math.min((model.upper[j] ?? Infinity) - middle, middle - (model.lower[j] ?? -Infinity));
  const wanted = Math.max(1e-3 * Math.sqrt(model.cov[j][j]), 1e-7 * Math.abs(middle));
  const h = room > 0 ? Math.min(wanted, room / 2) : wanted;
  const moved = (by) => value(model.theta.map((v, k) => (k === index ? v + by : v)));
  const above = moved(h), below = moved(-h);
  return above.map((v, i) => (v - below[i]) / (2 * h));
}
