"""Plain text of results: reprs and summaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lawfit._printable import printable
from lawfit.cautions import Caution, cautions
from lawfit.groups import label

if TYPE_CHECKING:
    from lawfit.bootstrap import Bootstrap
    from lawfit.fit_table import FitTable
    from lawfit.grouped import GroupedFit
    from lawfit.result import Fit

__all__ = [
    "aligned",
    "bootstrap_line",
    "bootstrap_summary",
    "fit_line",
    "fit_summary",
    "grouped_line",
    "grouped_summary",
    "joined",
    "note_lines",
    "parameter_rows",
    "quality_lines",
    "table_line",
    "table_summary",
    "warning_lines",
]

# Groups that a summary lists.
LINES = 20


def fit_line(fit: Fit) -> str:
    """Return a fit on one line."""
    params = ", ".join(f"{name}={value:.6g}" for name, value in fit.params.items())
    return f"<Fit {fit.law.name!r}: {params}; objective {fit.objective:.6g}, {fit.status}>"


def fit_summary(fit: Fit) -> str:
    """Return a fit on several lines."""
    lines = [*fit.law.equations(), fit.message, ""]
    lines += aligned(parameter_rows(fit))
    lines += ["", *quality_lines(fit)]
    warnings = warning_lines(fit)
    return joined([*lines, *([""] if warnings else []), *warnings])


def parameter_rows(fit: Fit) -> list[tuple[str, ...]]:
    """Return the table of a fit's parameters, its head first."""
    profiled = {name for point in fit.profile for name in point.values}
    rows: list[tuple[str, ...]] = [("parameter", "value", "stderr", "")]
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
    return rows


def joined(lines: Sequence[str]) -> str:
    """Return the text of lines, each of which stays one."""
    return "\n".join(map(printable, lines))


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows of a table, a name to the left, numbers to the right, a remark at the end."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                f"  {row[0]:{widths[0]}}",
                *(f"{cell:>{width}}" for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
                row[-1],
            ]
        ).rstrip()
        for row in rows
    ]


def quality_lines(fit: Fit) -> list[str]:
    """Return how good a fit is and how it was made."""
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
    return [*lines, *_profile(fit)]


def _profile(fit: Fit | GroupedFit) -> list[str]:
    return [
        f"profile {', '.join(f'{name}={value:g}' for name, value in point.values.items())}: "
        f"objective {point.objective:.6g}"
        for point in fit.profile
    ]


def warning_lines(fit: Fit) -> list[str]:
    """Return what else to know of a fit, warnings last."""
    return [*_note_lines([fit]), *(f"warning: {_warning(caution)}" for caution in cautions(fit))]


def _warning(caution: Caution) -> str:
    names = ", ".join(caution.names)
    match caution.kind:
        case "undetermined":
            verb = "determine" if len(caution.names) == 1 else "tell apart"
            return f"the data do not {verb} {names}; other values fit as well"
        case "interchangeable":
            return "the parameters are nearly interchangeable; read their errors jointly"
        case "open":
            return f"the data do not tell {names} from 0"
    return "only one start reached this minimum; more starts may find a better"


def grouped_line(fit: GroupedFit) -> str:
    """Return a fit across groups on one line."""
    params = ", ".join(f"{name}={fit.params[name]:.6g}" for name in fit.shared)
    by = f" by {printable(fit.by)}" if fit.by else ""
    return (
        f"<GroupedFit {fit.law.name!r}{by}: {len(fit)} groups; shared {params or 'nothing'}; "
        f"objective {fit.objective:.6g}, {fit.status}>"
    )


def grouped_summary(fit: GroupedFit) -> str:
    """Return a fit across groups on several lines."""
    options = fit.fits[0].options
    lines = [f"{fit.law.name}: {fit.law.y} = {' '.join(fit.law.formula.split())}", fit.message, ""]
    lines += _shared(fit)
    lines += [*([""] if fit.params else []), *_groups(fit), ""]
    lines += [
        f"objective {fit.objective:.10g}: {options.reduction} of {options.loss} on "
        f"{options.space} residuals, {fit.n} points in {len(fit)} groups",
        f"{fit.starts_agreed} of {fit.starts_asked} starts agree "
        f"({fit.starts_run} run, {fit.starts_merged} merged, {fit.starts_failed} failed)"
        + (f"; shared: rank {fit.rank}, condition {fit.condition:.3g}" if fit.shared else ""),
        *_profile(fit),
    ]
    return joined([*lines, *_note_lines(fit.fits)])


def _note_lines(fits: Sequence[Fit]) -> list[str]:
    notes = [note for fit in fits for note in fit.notes]
    return note_lines(notes, {source for fit in fits for source, _ in fit.sources})


def note_lines(notes: Iterable[str], sources: set[str]) -> list[str]:
    """Return notes, on one line what is noted of several sources alike."""
    found: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        source, rest = _of_source(note, sources)
        found.setdefault(rest, []).append(source)
    return [f"note: {_several(names)}{text}" for text, names in found.items()]


def _of_source(note: str, sources: set[str]) -> tuple[str, str]:
    """Split a note that begins with its source."""
    end = note.find(": ")
    while end >= 0:
        if note[:end] in sources:
            return note[:end], note[end + 2 :]
        end = note.find(": ", end + 1)
    return "", note


def _several(sources: Sequence[str]) -> str:
    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    return f"{sources[0]}{more}: " if sources[0] else ""


def _shared(fit: GroupedFit) -> list[str]:
    first = fit.fits[0]
    rows: list[tuple[str, ...]] = [("shared", "value", "stderr", "")] if fit.params else []
    for name, value in fit.params.items():
        shown, remark = f"{fit.stderr[name]:.3g}", ""
        if name not in fit.shared:
            shown, remark = "", "held"
        elif name in first.at_bounds:
            shown, remark = "", f"at its {first.at_bounds[name]} bound"
        elif name in fit.undetermined:
            remark = "undetermined"
        rows.append((name, f"{value:.8g}", shown, remark))
    return aligned(rows) if rows else []


def _groups(fit: GroupedFit) -> list[str]:
    own = [name for name in fit.fits[0].free if name not in fit.shared]
    rows: list[tuple[str, ...]] = [(fit.by or "group", "points", *own, "R2", "RMSE", "")]
    for key, one in list(fit.items())[:LINES]:
        remarks = [f"{name} at its {side} bound" for name, side in one.at_bounds.items()]
        remarks += [f"{name} undetermined" for name in one.undetermined]
        rows.append(
            (
                label(key),
                str(one.n),
                *(f"{one.params[name]:.6g}" for name in own),
                f"{one.training.R2:.6f}",
                f"{one.training.RMSE:.3g}",
                ", ".join(remarks),
            )
        )
    more = len(fit) - LINES
    return [*aligned(rows), *([f"  … and {more} more"] if more > 0 else [])]


def bootstrap_line(found: Bootstrap) -> str:
    """Return a bootstrap on one line."""
    law = found.fit.law.name
    if not found.converged.any():
        return f"<Bootstrap {law!r}: {found.n} replicates; {_ended(found.counts())}>"
    params = ", ".join(
        f"{name}={found.fit.params[name]:.6g} [{low:.6g}, {high:.6g}]"
        for name, (low, high) in found.conf_int().items()
        if name in found.fit.free
    )
    return f"<Bootstrap {law!r}: {params}; {found.n} replicates, {_ended(found.counts())}>"


def bootstrap_summary(found: Bootstrap) -> str:
    """Return a bootstrap on several lines."""
    fit = found.fit
    within = "within each curve" if found.by == "curve" else "from all together"
    lines = [
        *fit.law.equations(),
        f"{found.n} replicates of {fit.n} rows, drawn {within}",
        "",
    ]
    good = int(found.converged.sum())
    if good >= 2:
        intervals, errors = found.conf_int(), found.stderr
        rows: list[tuple[str, ...]] = [("parameter", "value", "stderr", "2.5%", "97.5%", "")]
        for name, value in fit.params.items():
            low, high = intervals[name]
            held = name not in fit.free
            shown = ("", "", "") if held else (f"{errors[name]:.3g}", f"{low:.6g}", f"{high:.6g}")
            rows.append((name, f"{value:.8g}", *shown, "held" if held else ""))
        lines += [*aligned(rows), ""]
    lines.append(f"{_ended(found.counts())} of {found.n} replicates; seed {found.seed}")
    if good < found.n:
        lines.append(
            f"warning: {found.n - good} replicates did not converge and are in no interval"
        )
    return joined(lines)


def _ended(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def table_line(table: FitTable) -> str:
    """Return a table of fits on one line."""
    by = f" by {printable(table.by)}" if table.by else ""
    more = f", {table.resamples} resamples each" if table.resamples else ""
    return f"<FitTable {table.law.name!r}{by}: {len(table)} groups{more}; {_ended(table.counts())}>"


def table_summary(table: FitTable) -> str:
    """Return a table of fits on several lines."""
    rows: list[tuple[str, ...]] = [(table.by or "group", "points", *table.free, "objective", "")]
    for g, key in enumerate(table.keys[:LINES]):
        status = table.STATUSES[table.status[g]]
        rows.append(
            (
                label(key),
                str(table.n[g]),
                *(f"{table.params[name][g]:.6g}" for name in table.free),
                f"{table.objective[g]:.6g}",
                "" if status == "converged" else status,
            )
        )
    more = len(table) - LINES
    lines = [*table.law.equations(), "", *aligned(rows)]
    lines += [f"  … and {more} more"] if more > 0 else []
    lines += ["", f"{_ended(table.counts())} of {len(table)} groups"]
    if table.resamples:
        ended = table.resampled_counts()
        lines.append(f"{_ended(ended)} of {sum(ended.values())} resamples; seed {table.seed}")
    lines += [f"note: {note}" for note in table.notes]
    return joined(lines)
