// The what-if panel: sliders make a plan, the law's forecast of it is drawn.

const DRAWN = 240; // steps at which the law is drawn
const HEAVY = ["loss_drop", "bound_mean", "bound_last"]; // areas that go through all steps for each
const WORK = 2.5e6; // steps gone through for such a picture
const LEAST = 1e-3; // of the peak: an exponential decay never reaches 0; a run's own may end lower
const LEAST_SPAN = 1e-9; // of an axis, as a share of its largest number

class WhatIf {
  constructor(place, model) {
    this.model = model;
    const controls = html("div", "controls", undefined, place);
    const result = html("div", "result", undefined, place);
    this.said = html("p", "said", undefined, result);
    this.said.setAttribute("aria-live", "polite");
    this.chart = null;
    this.stage = html("div", "chart", undefined, result);
    this.code = html("code", "plan", undefined, result);
    this.beware = html("ul", "beware", undefined, result);

    this.start = this.choice(controls, "Start from", model.plans.map((plan) => plan.name));
    this.start.value = String(model.first);
    this.start.addEventListener("change", () => this.restart());
    this.peak = this.slider(controls, "peak", "Peak learning rate");
    this.steps = this.slider(controls, "steps", "Length (steps)");
    this.warmup = this.slider(controls, "warmup", "Warm-up (steps)");
    this.decay = this.slider(controls, "decay", "Decay starts at step");
    this.end = this.slider(controls, "end", "Ends at a learning rate of");
    this.shape = this.choice(controls, "Shape of the decay", model.shapes);
    this.shape.addEventListener("change", () => this.later());
    this.size = model.columns.includes("N") ? this.slider(controls, "size", "Parameters N") : null;
    const again = html("button", "again", "Back to the run’s plan", controls);
    again.type = "button";
    again.addEventListener("click", () => this.restart());
    this.restart();
  }

  choice(into, text, names) {
    const label = html("label", "control", undefined, into);
    html("span", "name", text, label);
    const select = html("select", "", undefined, label);
    names.forEach((name, k) => { html("option", "", name, select).value = String(k); });
    return select;
  }

  slider(into, name, text) {
    const label = html("label", "control", undefined, into);
    html("span", "name", text, label);
    const output = html("output", "", "", label);
    const input = html("input", "", undefined, label);
    input.type = "range";
    input.name = name;
    input.step = "any";
    input.addEventListener("input", () => this.later());
    return { input, output };
  }

  set({ input }, low, high, value) {
    input.min = String(low);
    input.max = String(high);
    input.value = String(value);
  }

  restart() {
    const run = (this.run = this.model.plans[Number(this.start.value)]);
    const { peak, steps, warmup } = run;
    this.set(this.peak, Math.log2(peak / 4), Math.log2(peak * 4), Math.log2(peak));
    const longest = Math.min(4 * steps, this.model.longest);
    this.set(this.steps, Math.log2(Math.max(steps / 4, Math.min(steps, 2))), Math.log2(longest), Math.log2(steps));
    this.set(this.warmup, 0, Math.max(2 * warmup, Math.ceil(steps / 10)), warmup);
    this.set(this.decay, 0, 1, (run.decay_start - warmup) / Math.max(steps - warmup, 1));
    this.set(this.end, 0, 1, Math.min(run.end / peak, 1));
    if (this.size) this.set(this.size, Math.log2(run.params / 16), Math.log2(run.params * 16), Math.log2(run.params));
    this.shape.value = String(this.model.shapes.indexOf(run.shape));
    this.baseline = forecast(this.model, run, [run.steps - 1]).loss[0];
    this.draw();
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
    });
  }

  // The plan that the sliders say; one that was not moved is the run's own to the last digit.
  plan() {
    const { run } = this;
    const told = ({ input }, own, make) => (Math.abs(Number(input.value) - own) < 1e-9 * (1 + Math.abs(own)) ? null : make(Number(input.value)));
    const peak = told(this.peak, Math.log2(run.peak), (v) => Number((2 ** v).toPrecision(4))) ?? run.peak;
    const steps = told(this.steps, Math.log2(run.steps), (v) => Math.round(2 ** v)) ?? run.steps;
    const warmup = Math.min(Math.round(Number(this.warmup.input.value)), steps);
    const share = (run.decay_start - run.warmup) / Math.max(run.steps - run.warmup, 1);
    const own = told(this.decay, share, (v) => v) ?? share;
    const decayStart = Math.min(Math.max(Math.round(warmup + own * (steps - warmup)), warmup), steps);
    const ratio = told(this.end, Math.min(run.end / run.peak, 1), (v) => Number(v.toPrecision(3))) ?? run.end / run.peak;
    const shape = this.model.shapes[Number(this.shape.value)];
    const least = run.shape === "exponential" ? Math.min(LEAST, run.end / run.peak) : LEAST;
    const end = peak === run.peak && ratio === run.end / run.peak ? run.end : ratio * peak;
    const params = this.size ? told(this.size, Math.log2(run.params), (v) => Math.round(2 ** v)) ?? run.params : run.params;
    return {
      steps, peak, warmup, decay_start: decayStart, shape, params,
      end: shape === "exponential" ? Math.max(end, least * peak) : end,
      ramp: run.ramp, endpoint: run.endpoint, tokens_per_step: run.tokens_per_step,
    };
  }

  draw() {
    const { model, run } = this, plan = this.plan();
    const first = Math.min(Math.max(plan.warmup, model.skip, Math.round(plan.steps / 20)), plan.steps - 1);
    const count = Math.min(this.points(plan.steps), plan.steps - first);
    const at = Array.from({ length: count }, (_, k) =>
      count === 1 ? plan.steps - 1 : Math.round(first + (k * (plan.steps - 1 - first)) / (count - 1)));
    const told = forecast(model, plan, at);
    globalThis.lawfit = { plan, at, ...told, rates: null }; // for the console
    this.outputs(plan);
    this.tell(plan, told);
    const list = (values) => Array.from(values, (v) => (Number.isFinite(v) ? v : null));
    // what was measured before the line begins would push it into a corner
    const from = run.at.findIndex((step) => step >= first);
    const measured = from < 0 ? { x: [], y: [] } : { x: run.at.slice(from), y: run.measured.slice(from) };
    const band = told.low ? { x: [...at, ...at.toReversed()], y: [...told.high, ...told.low.toReversed()] } : { x: [], y: [] };
    const along = Array.from({ length: Math.min(DRAWN, plan.steps) }, (_, k, n = Math.min(DRAWN, plan.steps)) =>
      n === 1 ? 0 : Math.round((k * (plan.steps - 1)) / (n - 1)));
    const drawn = [measured, band, { x: at, y: told.loss }, { x: along, y: along.map((t) => told.rates[t]) }];
    const { data, layout } = model.figure;
    const figure = {
      data: data.map((trace, k) => ({ ...trace, x: drawn[k].x, y: list(drawn[k].y) })),
      layout: { ...layout, yaxis: { ...layout.yaxis, range: span([...measured.y, ...list(told.loss)]) } },
    };
    if (this.chart) this.chart.show(figure);
    else this.chart = new Figure(this.stage, figure);
  }

  // So many that a slider does not stick.
  points(steps) {
    const heavy = this.model.code.some(([op]) => HEAVY.includes(op));
    return heavy ? Math.min(Math.max(Math.round(WORK / steps), 24), DRAWN) : DRAWN;
  }

  // A slider's own number is a logarithm or a share: readers of the screen are told what is shown.
  outputs(plan) {
    const say = ({ input, output }, text) => {
      output.textContent = text;
      input.setAttribute("aria-valuetext", text);
    };
    say(this.peak, shown(plan.peak, 4));
    say(this.steps, String(plan.steps));
    say(this.warmup, String(plan.warmup));
    say(this.decay, plan.decay_start >= plan.steps ? "never" : String(plan.decay_start));
    say(this.end, shown(plan.end, 3));
    if (this.size) say(this.size, shown(plan.params, 4));
  }

  tell(plan, told) {
    const { model, run } = this, last = told.loss.length - 1, loss = told.loss[last];
    this.said.replaceChildren("Final ", `${model.y} `);
    html("b", "", Number.isFinite(loss) ? loss.toFixed(4) : "–", this.said);
    if (!Number.isFinite(loss)) this.said.append(" (the law has no value at the end of this plan)");
    else if (told.low) this.said.append(` (${model.level} interval ${told.low[last].toFixed(4)} to ${told.high[last].toFixed(4)})`);
    else this.said.append(` (no interval: the data do not determine ${model.lost.join(", ")})`);
    const off = loss - this.baseline;
    if (Math.abs(off) >= 5e-5) this.said.append(`, ${Math.abs(off).toFixed(4)} ${off < 0 ? "below" : "above"} the plan of ${run.name}`);
    const word = (v) => (typeof v === "string" ? JSON.stringify(v) : v === true ? "True" : v === false ? "False" : String(v));
    const keys = ["steps", "peak", "warmup", "decay_start", "end", "shape", "ramp", "endpoint"];
    this.code.textContent = `lf.schedules.wsd(${keys.map((key) => `${key}=${word(plan[key])}`).join(", ")})`;
    this.beware.replaceChildren();
    for (const text of this.cautions(plan, loss)) html("li", "", text, this.beware);
  }

  // What no fitted run has shown, and what the law is known to get wrong.
  *cautions(plan, loss) {
    const { seen } = this.model, { run } = this;
    if (run.off > 0.02)
      yield `The run ${run.name} had another kind of schedule; this is the nearest plan of this kind, off by up to ${shown(100 * run.off, 2)} % of the peak.`;
    if (plan.peak > seen.peak * 1.001)
      yield `The peak is above that of every fitted run (${shown(seen.peak, 3)}). The law always takes a higher rate for better; real runs diverge.`;
    if (plan.steps > seen.steps * 1.5)
      yield `The run is ${shown(plan.steps / seen.steps, 2)} times as long as the longest fitted one.`;
    const falls = plan.decay_start < plan.steps && plan.end < plan.peak;
    if (falls && !seen.falls) yield "No fitted run lowered its learning rate, so what a decay gives is a guess.";
    else if (falls && plan.end / plan.peak < seen.least * 0.5 && seen.least > 0.01)
      yield `The learning rate ends lower than in any fitted run (${shown(100 * seen.least, 2)} % of the peak). Steps at a rate near 0 still lower the law’s loss; they hardly lower a run’s.`;
    if (Number.isFinite(loss) && loss <= 0) yield "The law gives a loss that no run can have: this is too far from the data.";
  }
}

function span(values) {
  const finite = values.filter((v) => v !== null);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = 0.05 * (Math.max(high - low, LEAST_SPAN * Math.abs(high)) || 1);
  return finite.length ? [low - room, high + room] : [0, 1];
}
