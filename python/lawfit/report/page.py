"""The report as a page of HTML."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any, Final

from lawfit._core import build_info
from lawfit._extras import require
from lawfit.curve import Curve
from lawfit.report.content import Content, Section
from lawfit.report.markup import Markup, data_block, element, joined, number
from lawfit.report.mathml import equations, symbol
from lawfit.report.traces import as_plotly
from lawfit.report.words import ends, plain_words

__all__ = ["page"]

SCRIPTS: Final = ("law.js", "chart.js", "whatif.js", "page.js")
LISTED: Final = 500  # runs, sources or notes in the tables of data


def page(content: Content) -> str:
    """Return the whole file."""
    style = _asset("page.css")
    scripts = [
        _plotly(),
        '"use strict";\n(() => {\n' + "\n".join(map(_asset, SCRIPTS)) + "\n})();\n",
    ]
    sections = list(content.sections())
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(*scripts)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"lawfit {build_info()['version']}"),
        element("link", rel="icon", href="data:,"),
        element("title", content.title),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        element("main", *_parts(content, sections)),
        _footer(),
        data_block("figures", {s.name: [*map(as_plotly, s.figures)] for s in sections}),
        *([] if content.no_whatif else [data_block("whatif-data", content.whatif())]),
        *(element("script", Markup(script)) for script in scripts),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _plotly() -> str:
    """Return Plotly's script, which must not end the element that it is in."""
    source: str = require("plotly.offline", extra="cli").get_plotlyjs()
    return source.replace("</script", "<\\/script")


def _policy(*scripts: str) -> str:
    """Return what the browser may do: run these scripts, and style what is in the page."""
    digests = (hashlib.sha256(text.encode("utf-8")).digest() for text in scripts)
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _parts(content: Content, sections: Sequence[Section]) -> Iterator[Markup]:
    yield _header(content)
    yield element("noscript", element("p", "The pictures need JavaScript; the numbers do not."))
    yield _warnings(content)
    shown = {section.name: section for section in sections}
    first = [shown.pop(name) for name in ("curves", "measured") if name in shown]
    yield from map(_section, first)
    yield _whatif(content)
    yield _parameters(content)
    yield from map(_section, shown.values())
    yield _data(content)
    yield _settings(content)


def _header(content: Content) -> Markup:
    fit = content.fit
    good = "good" if fit.success else "bad"
    scored = fit.training
    facts = [
        ("points", f"{fit.n:,}"),
        ("mean error", number(scored.MAE, 3)),
        ("worst error", f"{number(100 * scored.WorstE, 2)} %"),
        ("R²", number(scored.R2, 5)),
    ]
    return element(
        "header",
        element("h1", content.title),
        element("p", fit.law.description, class_="lead") if fit.law.description else "",
        equations(fit.law),
        element(
            "ul",
            element("li", element("span", ends(fit), class_=f"badge {good}")),
            *(element("li", element("b", value), f" {name}") for name, value in facts),
            class_="facts",
        ),
    )


def _warnings(content: Content) -> Markup:
    found = list(plain_words(content.fit, content.own_runs))
    if not found:
        said: tuple[Markup, ...] = (element("p", "Nothing to beware of was found.", class_="calm"),)
    else:
        said = (element("ul", *(element("li", text) for text in found)),)
    kind = "warnings" if found else "warnings none"
    return element("section", element("h2", "Beware"), *said, class_=kind, id="warnings")


def _section(section: Section) -> Markup:
    figures = []
    for place, figure in enumerate(section.figures):
        caption = figure.get("title")
        figures.append(
            element(
                "figure",
                element("figcaption", caption) if caption else "",
                element("div", class_="chart", data_section=section.name, data_place=place),
            )
        )
    wide = "wide" if len(section.figures) == 1 else "several"
    return element(
        "section",
        element("h2", section.title),
        element("p", section.note, class_="note") if section.note else "",
        element("div", *figures, class_=f"figures {wide}"),
        id=section.name,
    )


def _whatif(content: Content) -> Markup:
    heading = element("h2", "What if")
    if content.no_whatif:
        if not content.fit.law.uses_schedule:
            return Markup("")
        return element("section", heading, element("p", content.no_whatif, class_="note"))
    note = (
        "Change the plan and the law's forecast is drawn anew, in this page. It is the law's word, "
        "not a run's: what no fitted run has shown is said beneath."
    )
    return element(
        "section",
        heading,
        element("p", note, class_="note"),
        element("div", class_="panel", id="whatif-panel"),
        id="whatif",
    )


def _parameters(content: Content) -> Markup:
    fit = content.fit
    intervals = fit.conf_int(content.level)
    resampled = content.resamples.conf_int(content.level) if content.resamples else None
    profiled = {name for point in fit.profile for name in point.values}
    share = f"{content.level:g} interval"
    heads = ["parameter", "value", "error", share]
    heads += ["of resamples"] if resampled else []
    rows = []
    for name, value in fit.params.items():
        parameter = fit.law.parameters[name]
        free = name in fit.free
        cells = [number(value, 6)]
        how = "profiled" if name in profiled else "held"
        cells.append(number(fit.stderr[name], 2) if free else how)
        cells.append(_interval(intervals[name]) if free else "")
        if resampled:
            cells.append(_interval(resampled[name]) if free else "")
        math = element("math", symbol(name))
        label = element("th", math, " ", element("code", name), scope="row")
        meaning = ", ".join(text for text in (parameter.meaning, parameter.unit) if text)
        rows.append((label, *cells, element("td", meaning, class_="text long")))
    return element(
        "section",
        element("h2", "Parameters"),
        _table([*heads, "what it is"], rows),
        id="parameters",
    )


def _interval(pair: tuple[float, float]) -> str:
    return f"{number(pair[0], 5)} to {number(pair[1], 5)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """Return a table; cells that are no elements are numbers."""
    left = {place for row in rows for place, c in enumerate(row) if c.startswith('<td class="text')}
    head = element(
        "tr",
        *(
            element("th", text, scope="col", class_="text" if place in left else None)
            for place, text in enumerate(heads)
        ),
    )
    body = [
        element("tr", *(c if isinstance(c, Markup) else element("td", c) for c in row))
        for row in rows
    ]
    table = element("table", element("thead", head), element("tbody", *body))
    return element("div", table, class_="scroll", tabindex="0")


def _data(content: Content) -> Markup:
    fit = content.fit
    parts: list[Markup] = []
    if content.curves and content.runs:
        scores = fit.score(list(content.curves[:LISTED]))
        rows = [
            (
                element("th", curve.name, scope="row"),
                element("td", _role(content, curve), class_="text"),
                f"{len(curve):,}",
                f"{curve.steps[0]} to {curve.steps[-1]}",
                number(scores[curve.name].MAE, 3),
                number(scores[curve.name].R2, 5),
                element("td", _about(curve), class_="text long"),
            )
            for curve in content.curves[:LISTED]
        ]
        heads = ["run", "", "points", "steps", "mean error", "R²", "what is known of it"]
        parts += [_table(heads, rows), _more(content.curves, "runs")]
    sources = [(element("th", name, scope="row"), f"{n:,}") for name, n in fit.sources[:LISTED]]
    parts.append(element("h3", "What the fit was made to"))
    parts += [_table(["source", "points used"], sources), _more(fit.sources, "sources")]
    if fit.notes:
        parts.append(element("h3", "What was done to the data"))
        parts.append(element("ul", *(element("li", note) for note in fit.notes[:LISTED])))
        parts.append(_more(fit.notes, "notes"))
    return element("section", element("h2", "Data"), *parts, id="data")


def _more(listed: Sequence[object], what: str) -> Markup:
    left = len(listed) - LISTED
    return element("p", f"… and {left} more {what}.") if left > 0 else Markup("")


def _role(content: Content, curve: Curve) -> str:
    if curve.name in content.fitted:
        return "fitted"
    return "fitted in part" if curve.name in content.seen else "held out"


def _about(curve: Curve) -> str:
    found = []
    if curve.params is not None:
        found.append(f"{curve.params:.4g} parameters")
    if curve.tokens_per_step is not None:
        found.append(f"{curve.tokens_per_step:.4g} tokens a step")
    if curve.schedule is None:
        found.append("no learning rates")
    else:
        found.append(repr(curve.schedule))
        source = getattr(curve, "lr_source", None)
        found += [f"learning rates from {source}"] if source else []
    return "; ".join([*found, *curve.notes])


def _settings(content: Content) -> Markup:
    fit, options = content.fit, content.fit.options
    delta = f", δ = {options.delta:g}" if options.robust else ""
    told: list[tuple[str, str]] = [
        ("Objective", f"{fit.objective:.10g}: {options.reduction} of {options.loss}{delta}, on "
         f"{options.space} residuals"),
        ("Ended", fit.message),
        ("Starts", f"{fit.starts_agreed} of {fit.starts_asked} agree; seed {options.seed}"),
        ("Jacobian", f"rank {fit.rank} of {len(fit.free)}, condition {number(fit.condition, 3)}"),
    ]  # fmt: skip
    if fit.law.uses_schedule:
        skipped = "the warm-up's" if options.skip_steps is None else f"before {options.skip_steps}"
        told.append(("Warm-up", f"counted as {options.warmup}; steps left out: {skipped}"))
    if fit.law.source:
        told.append(("Law", f"{fit.law.name}: {fit.law.source}"))
    lines = (element("code", line.strip()) for line in fit.law.equations())
    told.append(("Formula", joined(*lines)))
    rows = [joined(element("dt", name), element("dd", text)) for name, text in told]
    return element("section", element("h2", "How it was fitted"), element("dl", *rows), id="fit")


def _footer() -> Markup:
    return element("footer", element("p", f"Made by lawfit {build_info()['version']}."))
