// Pictures: panels of series in SVG, with a legend that hides and shows, zoom and a reading.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { right: 18, top: 10, bottom: 38 };
const DIGIT = 7.2; // pixels of width, of a tick's label
const MARKS = ["o", "s", "t", "v", "d", "x", "+"];
const LEAST_SPAN = 1e-9; // of an axis, as a share of its largest number
const SMALL = 460; // pixels of width below which a picture is a phone's

function svg(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
}

function html(tag, className, text, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text; // text, never markup
  if (parent) parent.append(made);
  return made;
}

function shown(value, digits = 5) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e6);
  const rounded = Number(value.toPrecision(digits));
  const text = plain ? String(rounded) : rounded.toExponential().replace("e+", "e");
  return text.replaceAll("-", "−");
}

// Round numbers that divide a range into about `count` parts; two at least.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  let found = [];
  for (const step of [10, 5, 2, 1, 0.5].map((m) => m * power)) {
    if (step < rough && found.length > 1) break;
    const first = Math.ceil(low / step), last = Math.floor(high / step + 1e-9);
    found = Array.from({ length: Math.max(last - first + 1, 0) }, (_, k) => (first + k) * step);
  }
  return found;
}

// The same on a logarithmic axis: powers of ten, or what is round within one or two of them.
function logTicks(low, high, count) {
  const found = [], reach = high - low;
  if (reach > 2) {
    const every = Math.min(Math.ceil(reach / count), Math.floor(reach / 2));
    for (let k = Math.ceil(low); k <= high; k += every) found.push(k);
    return found;
  }
  for (let k = Math.floor(low); k <= high; k++) found.push(...[1, 2, 5].map((m) => k + Math.log10(m)));
  const seen = found.filter((v) => v >= low && v <= high);
  return seen.length > 2 ? seen : ticks(10 ** low, 10 ** high, count).map(Math.log10);
}

// Ticks of a range as scaled, with their labels: as many digits as tell neighbours apart.
function labelled(low, high, count, logarithmic) {
  const places = (logarithmic ? logTicks : ticks)(low, high, count);
  const values = places.map((v) => (logarithmic ? 10 ** v : v));
  const gap = Math.min(...values.slice(1).map((v, k) => v - values[k]));
  const digits = Math.ceil(Math.log10(Math.max(...values.map(Math.abs)) / gap)) + 1;
  const enough = Math.min(Math.max(Number.isFinite(digits) ? digits : 4, 4), 15);
  return places.map((v, k) => [v, shown(values[k], enough)]);
}

class Figure {
  constructor(place, figure) {
    this.place = place;
    this.hidden = new Set();
    this.range = null; // of x, as scaled; null for all
    this.panels = figure.panels;
    this.legend = html("div", "legend", undefined, place);
    this.legend.setAttribute("role", "group");
    this.stage = html("div", "stage", undefined, place);
    this.reading = html("div", "reading", undefined, this.stage);
    this.reading.hidden = true;
    this.reset = html("button", "reset", "Show all", this.stage);
    this.reset.type = "button";
    this.reset.hidden = true;
    this.reset.addEventListener("click", () => this.zoom(null));
    this.entries();
    this.width = 0;
    new ResizeObserver(() => {
      if (this.stage.clientWidth !== this.width) this.draw();
    }).observe(this.stage);
  }

  show(figure) {
    this.panels = figure.panels;
    this.range = null;
    this.reset.hidden = true;
    this.entries();
    this.draw();
  }

  // One button for each name that a series has.
  entries() {
    this.legend.replaceChildren();
    const named = new Map();
    for (const series of this.panels.flatMap((panel) => panel.series))
      if (!series.quiet) named.set(series.name, [...(named.get(series.name) ?? []), series]);
    for (const [name, parts] of named) {
      const button = html("button", "entry", undefined, this.legend);
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
      const sample = svg("svg", { width: 30, height: 12, "aria-hidden": "true" }, button);
      for (const part of parts.slice(0, 3)) this.sample(part, sample);
      html("span", "", name, button);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(name)) this.hidden.add(name);
        button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
        this.draw();
      });
    }
    this.legend.hidden = named.size < 2;
  }

  sample(series, into) {
    const style = look(series);
    if (series.kind === "dots" || series.kind === "spot") mark(into, series.style, 15, 6, style);
    else if (series.kind === "line" || series.kind === "dash") svg("path", { d: "M1 6H29", class: style }, into);
    else svg("rect", { x: 2, y: 1, width: 26, height: 10, class: style }, into);
  }

  zoom(range) {
    this.range = range;
    this.reset.hidden = range === null;
    this.draw();
  }

  draw() {
    this.width = this.stage.clientWidth;
    if (!this.width) return;
    this.reading.hidden = true; // what it was about is drawn anew
    this.stage.querySelectorAll("svg.axes").forEach((old) => old.remove());
    const extent = this.range ?? this.extent();
    this.axes = this.panels.map((panel, k) => new Axes(this, panel, extent, k === this.panels.length - 1));
    const left = Math.max(...this.axes.map((axes) => axes.room()));
    for (const axes of this.axes) axes.draw(left);
  }

  extent() {
    const [low, high] = span(this.panels.flatMap((p) => this.visible(p).flatMap((s) => s.x.map(scale(p.logx)))));
    return [low - 0.012 * (high - low), high + 0.012 * (high - low)];
  }

  visible(panel) {
    return panel.series.filter((series) => !this.hidden.has(series.name));
  }
}

function look(series) {
  return `${series.kind} c${series.style % 7}${series.dashed ? ` k${series.style % 4}` : ""}`;
}

function scale(logarithmic) {
  return logarithmic ? (v) => (v === null || v <= 0 ? null : Math.log10(v)) : (v) => v;
}

// The lowest and highest, with room about them where they are one but for rounding.
function span(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v === null) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high)), room = 0.05 * (size || 1);
  return high - low <= LEAST_SPAN * size ? [low - room, high + room] : [low, high];
}

function mark(into, style, x, y, className) {
  const r = className?.startsWith("spot") ? 5 : 2.6;
  const paths = {
    s: `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    t: `M${x} ${y - r}l${r} ${2 * r}h${-2 * r}z`,
    v: `M${x} ${y + r}l${r} ${-2 * r}h${-2 * r}z`,
    d: `M${x} ${y - r * 1.2}l${r * 1.2} ${r * 1.2}l${-r * 1.2} ${r * 1.2}l${-r * 1.2} ${-r * 1.2}z`,
    x: `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`,
    "+": `M${x - r} ${y}h${2 * r}m${-r} ${-r}v${2 * r}`,
  };
  const kind = r > 4 ? "d" : MARKS[style % MARKS.length];
  if (into === null) return paths[kind] ?? `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
  return svg("path", { d: mark(null, style, x, y, className), class: className }, into);
}

class Axes {
  constructor(figure, panel, extent, last) {
    this.figure = figure;
    this.panel = panel;
    this.width = figure.width;
    this.small = this.width < SMALL;
    this.last = last;
    this.height = (panel.height ?? 240) * (this.small ? 0.85 : 1);
    this.bottom = this.height + MARGIN.top;
    this.right = this.width - MARGIN.right;
    this.toX = scale(panel.logx);
    this.toY = scale(panel.logy);
    this.x = extent;
    this.y = this.heights();
    this.marks = labelled(...this.y, Math.max(2, Math.round(this.height / 55)), panel.logy);
  }

  // The width that the labels on the left take.
  room() {
    return 26 + DIGIT * Math.max(2, ...this.marks.map(([, text]) => text.length));
  }

  draw(left) {
    const { figure, panel, last } = this;
    this.left = left;
    const bottom = last ? MARGIN.bottom : 12;
    this.svg = svg("svg", { class: "axes", width: this.width, height: this.bottom + bottom }, null);
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", `${panel.y} over ${panel.x}`);
    figure.stage.insertBefore(this.svg, figure.reading);
    this.frame(last);
    const clip = `clip${Axes.count++}`;
    svg("rect", { x: this.left, y: MARGIN.top, width: this.right - this.left, height: this.height },
      svg("clipPath", { id: clip }, this.svg));
    this.inside = svg("g", { "clip-path": `url(#${clip})` }, this.svg);
    for (const series of figure.visible(panel)) this.series(series);
    this.cursor = svg("path", { class: "cursor", d: "" }, this.svg);
    this.listen();
  }

  px(v) { return this.left + ((v - this.x[0]) / (this.x[1] - this.x[0])) * (this.right - this.left); }
  py(v) { return this.bottom - ((v - this.y[0]) / (this.y[1] - this.y[0])) * this.height; }

  // The range of y: of what is seen, or of lines alone where what they hang from is not worth showing,
  // and unless zoomed of what comes from `begin` on.
  heights() {
    const { panel } = this, values = [];
    const [from, to] = this.figure.range ?? [this.toX(panel.begin ?? -Infinity) ?? -Infinity, Infinity];
    for (const series of this.figure.visible(panel)) {
      if (panel.fits === "line" && series.kind === "band") continue;
      const edges = series.low && series.kind === "band" ? [series.y, series.low] : [series.y];
      series.x.forEach((v, i) => {
        const x = this.toX(v);
        if (x !== null && x >= from && x <= to) for (const edge of edges) if (i < edge.length) values.push(this.toY(edge[i]));
      });
    }
    if (panel.level !== undefined) values.push(panel.level);
    let [low, high] = span(values);
    if (panel.floor !== undefined) low = panel.floor;
    if (panel.low !== undefined) [low, high] = span([panel.low, panel.high]);
    const room = 0.05 * (high - low);
    return [panel.floor === undefined ? low - room : low, high + room];
  }

  frame(last) {
    const { panel } = this;
    for (const [v, text] of this.marks) {
      const y = this.py(v);
      if (y < MARGIN.top - 1 || y > this.bottom + 1) continue;
      svg("path", { d: `M${this.left} ${y}H${this.right}`, class: "grid" }, this.svg);
      svg("text", { x: this.left - 6, y: y + 3.5, class: "tick end" }, this.svg).textContent = text;
    }
    for (const [v, text] of labelled(...this.x, this.small ? 4 : Math.max(3, Math.round(this.width / 110)), panel.logx)) {
      const x = this.px(v);
      if (x < this.left - 1 || x > this.right + 1) continue;
      svg("path", { d: `M${x} ${MARGIN.top}V${this.bottom}`, class: "grid" }, this.svg);
      if (last) svg("text", { x, y: this.bottom + 15, class: "tick middle" }, this.svg).textContent = text;
    }
    svg("path", { d: `M${this.left} ${MARGIN.top}V${this.bottom}H${this.right}`, class: "frame" }, this.svg);
    if (panel.level !== undefined)
      svg("path", { d: `M${this.left} ${this.py(panel.level)}H${this.right}`, class: "frame" }, this.svg);
    if (last)
      svg("text", { x: (this.left + this.right) / 2, y: this.bottom + 32, class: "label middle" }, this.svg).textContent = panel.x;
    const middle = MARGIN.top + this.height / 2;
    const label = svg("text", { x: 0, y: 0, class: "label middle", transform: `translate(11 ${middle}) rotate(-90)` }, this.svg);
    label.textContent = panel.y;
  }

  series(series) {
    const style = look(series), points = [];
    const at = (v) => this.py(v);
    if (series.kind === "bars") {
      for (let i = 0; i < series.y.length; i++) {
        const x = this.px(series.x[i]), width = this.px(series.x[i + 1]) - x;
        svg("rect", { x, y: at(series.y[i]), width: Math.max(width - 0.5, 0.5), height: at(0) - at(series.y[i]), class: style }, this.inside);
      }
      return;
    }
    series.x.forEach((v, i) => {
      const x = this.toX(v), y = this.toY(series.y[i]);
      points.push(x === null || y === null ? null : [this.px(x), at(y), series.low ? at(this.toY(series.low[i])) : 0]);
    });
    const pen = (list, k) => list.map((p, i) => `${i ? "L" : "M"}${p[0].toFixed(1)} ${p[k].toFixed(1)}`).join("");
    if (series.kind === "dots" || series.kind === "spot") {
      const seen = points.filter((p) => p && p[0] >= this.left - 4 && p[0] <= this.right + 4);
      const d = seen.map((p) => mark(null, series.style, p[0], p[1], style));
      svg("path", { d: d.join(""), class: style }, this.inside);
      return;
    }
    for (const piece of pieces(points)) {
      if (series.kind === "band" || series.kind === "area") {
        const d = `${pen(piece, 1)}${pen([...piece].reverse(), 2).replace("M", "L")}Z`;
        svg("path", { d, class: style }, this.inside);
        if (series.kind === "area") hatch(this.inside, d, series.style);
      } else svg("path", { d: pen(piece, 1), class: style }, this.inside);
    }
  }

  listen() {
    let from = null, box = null;
    const place = (event) => event.clientX - this.svg.getBoundingClientRect().left;
    const value = (x) => this.x[0] + ((x - this.left) / (this.right - this.left)) * (this.x[1] - this.x[0]);
    const clamp = (x) => Math.min(Math.max(x, this.left), this.right);
    this.svg.addEventListener("pointermove", (event) => {
      if (from !== null) {
        const [a, b] = [from, clamp(place(event))].sort((p, q) => p - q);
        box ??= svg("rect", { class: "zoom", y: MARGIN.top, height: this.height }, this.svg);
        box.setAttribute("x", a);
        box.setAttribute("width", b - a);
        return;
      }
      this.read(place(event), event.clientY - this.svg.getBoundingClientRect().top);
    });
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return this.read(place(event), 0);
      from = clamp(place(event));
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointerup", (event) => {
      const [a, b] = [from ?? 0, clamp(place(event))].sort((p, q) => p - q);
      const wide = from !== null && b - a > 8;
      from = null;
      box?.remove();
      box = null;
      if (wide) this.figure.zoom(span([value(a), value(b)]));
    });
    this.svg.addEventListener("dblclick", () => this.figure.zoom(null));
    this.svg.addEventListener("pointerleave", () => this.leave());
  }

  // Says what is under the pointer: of each series its point nearest in x, the nearest ones first.
  read(x, y) {
    const found = [];
    for (const series of this.figure.visible(this.panel)) {
      if (series.kind === "band" || series.kind === "bars") continue;
      const near = this.nearest(series, x, y);
      if (near && Math.abs(near.px - x) < 30) found.push({ ...near, series });
    }
    if (!found.length) return this.leave();
    found.sort((a, b) => Math.abs(a.py - y) - Math.abs(b.py - y));
    const best = found[0], at = best.series.x[best.i]; // a step is told to its last digit
    this.cursor.setAttribute("d", `M${best.px} ${MARGIN.top}V${this.bottom}`);
    const { reading } = this.figure;
    reading.replaceChildren();
    html("div", "where", `${this.panel.x.replace(/ \(.*/, "")} ${shown(at, Number.isInteger(at) ? 15 : 5)}`, reading);
    for (const { series, i } of found.slice(0, 8)) {
      const line = html("div", "", undefined, reading);
      const value = series.kind === "area" ? series.y[i] - series.low[i] : series.y[i];
      html("span", "", `${series.name}${{ dots: "", line: " (law)", dash: " (law)" }[this.panel.fits ? series.kind : "dots"] ?? ""} `, line);
      html("b", "", shown(value), line);
    }
    reading.hidden = false;
    const room = reading.offsetWidth + 16;
    reading.style.left = `${best.px + room > this.width ? Math.max(best.px - room, 0) : best.px + 12}px`;
    const box = this.svg.getBoundingClientRect(), stage = this.figure.stage.getBoundingClientRect();
    reading.style.top = `${box.top - stage.top + MARGIN.top}px`;
  }

  nearest(series, x, y) {
    let best = null, least = Infinity;
    const dots = series.kind === "dots";
    series.x.forEach((v, i) => {
      const sx = this.toX(v), sy = this.toY(series.y[i]);
      if (sx === null || sy === null) return;
      const px = this.px(sx), py = this.py(sy);
      const far = dots ? Math.hypot(px - x, (py - y) / 6) : Math.abs(px - x);
      if (far < least) [best, least] = [{ i, px, py }, far];
    });
    return best;
  }

  leave() {
    this.figure.reading.hidden = true;
    this.cursor.setAttribute("d", "");
  }
}
Axes.count = 0;

// Runs of points without a gap.
function pieces(points) {
  const found = [[]];
  for (const point of points) {
    if (point) found[found.length - 1].push(point);
    else if (found[found.length - 1].length) found.push([]);
  }
  return found.filter((piece) => piece.length);
}

// Lines over an area, so that areas differ without colour.
function hatch(into, d, style) {
  const kind = style % 4;
  if (kind === 0) return;
  const id = `hatch${kind}`;
  if (!document.getElementById(id)) {
    const holder = svg("svg", { width: 0, height: 0, class: "defs", "aria-hidden": "true" }, document.body);
    const pattern = svg("pattern", { id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${[0, 45, -45, 0][kind]})` }, holder);
    svg("path", { d: kind === 3 ? "M0 3.5h3" : "M0 0V7", class: "hatching" }, pattern);
  }
  svg("path", { d, fill: `url(#${id})`, stroke: "none" }, into);
}
