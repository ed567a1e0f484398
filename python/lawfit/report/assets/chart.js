// Pictures: Plotly draws what the page's data say, in the page's colours.

const NARROW = 640; // pixels of width below which a legend lies beneath
const [ENTRY, LETTER, ROW] = [46, 7, 26]; // pixels that its entries take
const ROWS = 8;
const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};
const dark = matchMedia("(prefers-color-scheme: dark)");

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

class Figure {
  constructor(place, figure) {
    this.place = html("div", "plot", undefined, place);
    this.show(figure);
    dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => {
      if (this.place.clientWidth < NARROW !== this.narrow) this.draw();
    }).observe(this.place);
  }

  show({ data, layout }) {
    this.data = data;
    this.layout = layout;
    this.draw();
  }

  draw() {
    this.narrow = this.place.clientWidth < NARROW;
    Plotly.react(this.place, this.data, { ...this.layout, ...this.look() }, CONFIG);
  }

  // What the page's style says: colours of words and lines, and where there is room for a legend.
  look() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    const look = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: of("ink"), size: 12, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { bgcolor: of("card"), bordercolor: of("line"), font: { color: of("ink") }, namelength: 40 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: of("soft"), activecolor: of("key") },
      ...(this.narrow ? this.beneath() : {}),
    };
    for (const [name, axis] of Object.entries(this.layout))
      if (/^[xy]axis/.test(name))
        look[name] = { ...axis, gridcolor: of("grid"), linecolor: of("soft"), zerolinecolor: of("soft"), showline: true };
    return look;
  }

  // A legend beneath, and the room that its rows take.
  beneath() {
    const names = this.data.filter((trace) => trace.showlegend).map((trace) => trace.name.length);
    const each = ENTRY + LETTER * Math.max(0, ...names);
    const row = Math.max(1, Math.floor((0.85 * this.place.clientWidth) / each));
    const room = ROW * Math.min(Math.ceil(names.length / row), ROWS); // more are scrolled
    const { height, margin } = this.layout;
    return {
      height: height + room,
      margin: { ...margin, b: margin.b + room },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom" },
    };
  }
}
