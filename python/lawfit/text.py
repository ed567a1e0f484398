"""Plain text of results: reprs and summaries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lawfit.result import Fit

__all__ = ["fit_line", "fit_summary"]

# Beyond this condition a parameter's error says more about its partners than about itself.
ILL_CONDITIONED = 1e6


def fit_line(fit: Fit) -> str:
    """Return a fit on one line."""
    params = ", ".join(f"{name}={value:.6g}" for name, value in fit.params.items())
    return f"<Fit {fit.law.name!r}: {params}; objective {fit.objective:.6g}, {fit.status}>"


def fit_summary(fit: Fit) -> str:
    """Return a fit on several lines."""
    lines = [*fit.law.equations(), fit.message, ""]
    lines += _parameters(fit)
    lines += ["", *_quality(fit)]
    warnings = _warnings(fit)
    return "\n".join([*lines, *([""] if warnings else []), *warnings])


def _parameters(fit: Fit) -> list[str]:
    profiled = {name for point in fit.profile for name in point.values}
    rows = [("parameter", "value", "stderr", "")]
    for name, value in fit.params.items():
        error = fit.stderr[name]
        if name in profiled:
            shown, remark = "", "profiled"
        elif name not in fit.free:
            shown, remark = "", "held"
        elif name in fit.undetermined:
            shown, remark = f"{error:.3g}", "undetermined"
        elif name in fit.at_bounds:
            shown, remark = "", f"at its {fit.at_bounds[name]} bound"
        else:
            shown, remark = f"{error:.3g}", ""
        rows.append((name, f"{value:.8g}", shown, remark))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {a:{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip()
        for a, b, c, d in rows
    ]


def _quality(fit: Fit) -> list[str]:
    options, scored = fit.options, fit.training
    delta = f" (delta {options.delta:g})" if options.loss in ("huber", "soft_l1") else ""
    kind = f"{options.loss}{delta} on {options.space} residuals"
    if options.loss == "binomial":
        kind = "half the binomial deviance"
    skipped = "" if options.skip_steps is None else f", steps before {options.skip_steps} dropped"
    lines = [
        f"objective {fit.objective:.10g}: {options.reduction} of {kind}, {fit.n} points{skipped}",
        f"R2 {scored.R2:.6f}, MAE {scored.MAE:.3g}, RMSE {scored.RMSE:.3g}, "
        f"PredE {scored.PredE:.3g}, WorstE {scored.WorstE:.3g}",
        f"{fit.starts_agreed} of {fit.starts_asked} starts agree "
        f"({fit.starts_run} run, {fit.starts_merged} merged, {fit.starts_failed} failed); "
        f"rank {fit.rank}, condition {fit.condition:.3g}",
    ]
    if fit.law.uses_schedule:
        lines.append(f"warm-up counted as: {options.warmup}")
    for point in fit.profile:
        values = ", ".join(f"{name}={value:g}" for name, value in point.values.items())
        lines.append(f"profile {values}: objective {point.objective:.6g}")
    return lines


def _warnings(fit: Fit) -> list[str]:
    lines = [f"note: {note}" for note in fit.notes]
    if fit.undetermined:
        verb = "determine" if len(fit.undetermined) == 1 else "tell apart"
        lines.append(
            f"warning: the data do not {verb} {', '.join(fit.undetermined)}; "
            "other values fit as well"
        )
    elif fit.condition > ILL_CONDITIONED and math.isfinite(fit.condition):
        lines.append(
            "warning: the parameters are nearly interchangeable; read their errors jointly"
        )
    open_ = [
        name for name, error in fit.stderr.items() if abs(fit.params[name]) < 2 * error < math.inf
    ]
    if open_:
        lines.append(f"warning: the data do not tell {', '.join(open_)} from 0")
    if fit.starts_asked > 1 and fit.starts_agreed == 1:
        lines.append("warning: only one start reached this minimum; more starts may find a better")
    return lines
