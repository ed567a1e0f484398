"""The report's pictures as data: panels of series, which the page's script draws."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np

from lawfit._validate import Floats
from lawfit.bootstrap import Bootstrap
from lawfit.curve import Curve
from lawfit.plot.style import spread
from lawfit.report.whatif import telling
from lawfit.result import Fit
from lawfit.rows import first_step
from lawfit.schedule import Schedule
from lawfit.views import (
    RunResiduals,
    autocorrelation,
    histogram,
    profile_edge,
    quantiles,
    remembered,
    replay,
    residual_unit,
    terms_along,
)

__all__ = [
    "Figure",
    "curves_figure",
    "measured_figure",
    "panel",
    "profile_figures",
    "replay_figures",
    "resample_figures",
    "residual_figures",
    "series",
    "terms_figure",
    "whatif_figure",
]

Figure = dict[str, Any]
POINTS: Final = 400  # of a line or cloud, as drawn
LAGS: Final = 40
_DIGITS: Final = 6  # of the range of numbers that are only drawn


def series(name: str, kind: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """Return what is drawn as "line", "dash", "dots", "spot", "band", "area" or "bars".

    Parameters
    ----------
    name : str
        For the legend: series of one name are shown and hidden together.
    kind : str
    x, y : array-like, shape (n,)
        Thinned to POINTS, the first and last kept. Of bars, x has both ends of each.
    more
        `low`, the lower edge of a band, area or bars; `style`, a number that a colour and marker
        go with; `dashed`, lines that differ in their dashes too; `quiet`, not in the legend.
    """
    arrays = {"x": x, "y": y} | {k: more.pop(k) for k in ("low",) if k in more}
    drawn = {key: np.asarray(values, dtype=np.float64) for key, values in arrays.items()}
    if kind != "bars":
        n = drawn["x"].size
        pick = np.unique(np.linspace(0, n - 1, min(POINTS, n)).round().astype(int))
        drawn = {key: values[pick] for key, values in drawn.items()}
    return {"name": name, "kind": kind, **{k: _short(v) for k, v in drawn.items()}, **more}


def panel(x: str, y: str, parts: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return axes with their labels.

    `more` may have logx and logy; height in pixels; level, a line across; floor, where y begins;
    low and high, where y begins and ends; fits="line" for a range of y that leaves bands out, and
    begin, an x before which it leaves all out.
    """
    return {"x": x, "y": y, "series": list(parts), **more}


def curves_figure(
    fit: Fit, curves: Sequence[Curve], fitted: Collection[str], level: float
) -> Figure:
    """Show measured losses, the law's with their intervals, and the learning rates beneath."""
    losses, rates = [], []
    for place, curve in enumerate(curves):
        (asked, at), style = _asked(fit, curve), {"style": place}
        steps = asked.steps if at is None else at
        law = fit.predict(asked, at=at)
        low, high = fit.interval(asked, level, at=at)
        kind = "line" if curve.name in fitted else "dash"
        losses += [
            series(curve.name, "dots", curve.steps, _target(fit, curve), **style),
            series(curve.name, "band", steps, high, low=low, **style),
            series(curve.name, kind, steps, law, **style),
        ]
        if curve.schedule is not None:
            along = spread(0, curve.schedule.steps)
            rates.append(series(curve.name, kind, along, curve.schedule.at(along), **style))
    own = any(fit.law.y in curve.columns for curve in curves)  # then it is no loss
    unit = fit.law.y if own else f"{fit.law.y} ({curves[0].loss_unit})"
    begin = min(_first(fit, curve) for curve in curves)  # a run's first losses are the highest
    panels = [panel("step", unit, losses, height=300, fits="line", begin=begin)]
    if rates:
        panels.append(panel("step", "learning rate", rates, height=110, floor=0))
    return {"panels": panels}


def whatif_figure(y: str) -> Figure:
    """Return the what-if panel's picture without its numbers, which the page's script puts in.

    They are what was measured, the law's interval, the law, and the learning rates.
    """
    what: Figure = {"name": "what if", "x": [], "y": [], "style": 1}
    losses: list[Figure] = [
        {"name": "measured", "kind": "dots", "x": [], "y": [], "style": 6},
        {**what, "kind": "band", "low": []},
        {**what, "kind": "dash"},
    ]
    rates = panel("step", "learning rate", [{**what, "kind": "dash"}], height=90, floor=0)
    return {"panels": [panel("step", y, losses, height=260, fits="line"), rates]}


def measured_figure(fit: Fit, runs: Sequence[RunResiduals]) -> Figure:
    """Show measured over predicted values, for data that are no curves."""
    values = np.concatenate([v for run in runs for v in (run.predicted, run.measured)])
    ends = [values.min(), values.max()]
    logarithmic = bool(ends[0] > 0 and ends[1] > 10 * ends[0])
    parts = [series("measured = predicted", "line", ends, ends, style=6)]
    parts += [
        series(run.name, "dots", run.predicted, run.measured, style=place)
        for place, run in enumerate(runs)
    ]
    axes = {"logx": logarithmic, "logy": logarithmic, "height": 300}
    return {"panels": [panel(f"predicted {fit.law.y}", f"measured {fit.law.y}", parts, **axes)]}


def residual_figures(fit: Fit, runs: Sequence[RunResiduals], at: str) -> Iterator[Figure]:
    """Show residuals over `at` ("step" or "row"), their quantiles, and their autocorrelation."""
    unit = residual_unit(fit)
    over = [series(r.name, "dots", r.at, r.values, style=k) for k, r in enumerate(runs)]
    yield {"title": f"Over the {at}s", "panels": [panel(at, unit, over, level=0)]}
    scores, found, normal = quantiles(runs, POINTS)
    parts = [
        series("normal", "line", scores, normal, style=6),
        series("residuals, all runs", "dots", scores, found, style=0),
    ]
    label = "normal quantile (standard deviations)"
    yield {"title": "Against the normal distribution", "panels": [panel(label, unit, parts)]}
    long = [run for run in runs if run.values.size > 2]
    if not long:
        return
    half = 1.96 / math.sqrt(min(run.values.size for run in long))
    ends = [1, min(LAGS, max(run.values.size for run in long) - 1)]
    parts = [series("independent, 95 %", "band", ends, [half, half], low=[-half, -half], style=6)]
    for place, run in enumerate(long):
        r = autocorrelation(run.values, LAGS)[1:]
        lags = np.arange(1, r.size + 1)
        parts += [series(run.name, kind, lags, r, style=place) for kind in ("line", "dots")]
    axes = panel("lag (logged points)", "autocorrelation", parts, level=0)
    yield {"title": "Autocorrelation", "panels": [axes]}


def terms_figure(fit: Fit, curves: Sequence[Curve]) -> Figure:
    """Show what each term of the law gives to the loss along each run's schedule."""
    choices = []
    for curve in curves:
        assert curve.schedule is not None
        steps = _steps(fit, curve, curve.schedule)
        sizes = {"params": curve.params, "tokens_per_step": curve.tokens_per_step}
        found = terms_along(fit, curve.schedule, steps, **sizes)
        # what adds lies on one another, what takes away hangs from the top
        found.sort(key=lambda pair: bool(np.nansum(pair[1]) < 0))
        top, parts = np.zeros(len(steps)), []
        for place, (term, values) in enumerate(found):
            edges = np.sort([top, top + values], axis=0)
            parts.append(series(term.label, "area", steps, edges[1], low=edges[0], style=place))
            top = top + values
        parts.append(series(f"{fit.law.y}: their sum", "line", steps, top, style=6))
        axes = panel("step", f"{fit.law.y} (axis cut off below)", parts, fits="line", height=260)
        choices.append({"name": curve.name, "panels": [axes]})
    return {"choose": "Run", "choices": choices, "first": telling(curves)}


def replay_figures(
    fit: Fit, curves: Sequence[Curve], seen: Collection[str], level: float
) -> Figure:
    """Show what each run told of its end as it trained, and where it ended.

    Runs too short to tell anything are left out.
    """
    choices = []
    for curve in curves:
        parts = []
        told = {"the run alone": False} | ({} if curve.name in seen else {"with this fit": True})
        for place, (name, prior) in enumerate(told.items()):
            found = replay(fit, curve, level, prior=prior)
            if not found:
                continue
            steps, forecasts = zip(*found, strict=True)
            low, loss, high = (
                np.array([getattr(f, end) for f in forecasts]) for end in ("lower", "loss", "upper")
            )
            finite = np.isfinite(high)
            high[~finite] = low[~finite] = np.nan
            parts.append(series(name, "band", steps, high, low=low, style=place))
            parts.append(series(name, "line" if prior else "dash", steps, loss, style=place))
        if not parts:
            continue
        end = _target(fit, curve)[-1]
        ends = [curve.steps[0], curve.steps[-1]]
        parts.append(series("measured at the end", "line", ends, [end, end], style=6))
        about = float(np.ptp(curve.loss[curve.loss.size // 4 :])) or 1.0
        axes = panel(
            "step at which it was asked", "final loss", parts, low=end - about, high=end + about
        )
        choices.append({"name": curve.name, "panels": [axes]})
    return {"choose": "Run", "choices": choices}


def profile_figures(fit: Fit) -> Iterator[Figure]:
    """Show the lowest objective at each value of each parameter that was profiled."""
    what = f"objective ({fit.options.reduction} of {fit.options.loss})"
    for name in dict.fromkeys(key for point in fit.profile for key in point.values):
        values, objective = profile_edge(fit, name)
        label, x = remembered(name, values)
        parts = [
            series("objective", kind, x, objective, style=0, quiet=True)
            for kind in ("line", "dots")
        ]
        axes = panel(label, what, parts, logx=label != name)
        yield {"title": f"Profile of {name}", "panels": [axes]}


def resample_figures(found: Bootstrap, level: float) -> Iterator[Figure]:
    """Show each parameter over the replicates that converged, and each pair."""
    good, free = found.converged, found.fit.free
    singles, pairs = [], []
    intervals = found.conf_int(level)
    for k, x in enumerate(free):
        values = found.params[x][good]
        heights, edges = histogram(values)
        parts = [
            series("replicates", "bars", edges, heights, low=np.zeros(heights.size), style=6),
            _upright("fit", found.fit.params[x], heights.max(), "line", 0),
            *(_upright(f"{level:g} interval", v, heights.max(), "dash", 1) for v in intervals[x]),
        ]
        singles.append({"name": x, "panels": [panel(x, "replicates", parts, floor=0)]})
        for y in free[k + 1 :]:
            other = found.params[y][good]
            at = [[found.fit.params[name]] for name in (x, y)]
            parts = [
                series("replicates", "dots", values, other, style=6),
                series("fit", "spot", *at, style=1),
            ]
            pairs.append({"name": f"{y} over {x}", "panels": [panel(x, y, parts)]})
    yield {"title": "Resamples", "choose": "Parameter", "choices": singles}
    if pairs:
        yield {"title": "Pairs of resamples", "choose": "Pair", "choices": pairs}


def _upright(name: str, x: float, top: Any, kind: str, style: int) -> dict[str, Any]:
    return series(name, kind, [x, x], [0, top], style=style)


def _target(fit: Fit, curve: Curve) -> Floats:
    return curve.columns.get(fit.law.y, curve.loss)


def _first(fit: Fit, curve: Curve) -> int:
    """Return the first step that counts of those that are logged or later."""
    return max(first_step(curve, fit.options.skip_steps), int(curve.steps[0]))


def _steps(fit: Fit, curve: Curve, schedule: Schedule) -> list[int]:
    """Return steps to draw the law at: from the first that counts to the run's end."""
    return spread(min(_first(fit, curve), schedule.steps - 1), schedule.steps)


def _asked(fit: Fit, curve: Curve) -> tuple[Curve, list[int] | None]:
    """Return where to ask for the law: a curve and its steps, or None for its points alone."""
    if curve.schedule is None or {*fit.law.columns} & {*curve.columns}:
        return curve.skip(_first(fit, curve)), None
    return curve, _steps(fit, curve, curve.schedule)


def _short(values: Floats) -> list[float | None]:
    """Round to what a picture can show; whole numbers, such as steps, are read off it and stay."""
    finite = values[np.isfinite(values)]
    size, reach = (np.abs(finite).max(), np.ptp(finite)) if finite.size else (0.0, 0.0)
    digits = _DIGITS + (math.ceil(math.log10(size / reach)) if reach > 0 else 0)

    def short(v: float) -> float | None:
        if not math.isfinite(v):
            return None
        return v if v.is_integer() and abs(v) < 2**53 else float(f"{v:.{digits}g}")

    return [short(v) for v in values.tolist()]
