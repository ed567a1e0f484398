"""What a report says: the fit and its data, taken apart into sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from lawfit._validate import Floats
from lawfit.bootstrap import Bootstrap
from lawfit.callable_law import CallableLaw
from lawfit.curve import Curve
from lawfit.curves import Curves
from lawfit.derived import compute_optimal
from lawfit.report.compute import Against, compute_figures, crossover_figure
from lawfit.report.figures import (
    Figure,
    curves_figure,
    measured_figure,
    profile_figures,
    replay_figures,
    resample_figures,
    residual_figures,
    terms_figure,
    whatif_figure,
)
from lawfit.report.traces import as_plotly
from lawfit.report.whatif import SIZES, unanswered, whatif
from lawfit.result import Fit
from lawfit.rows import first_step, rows_of
from lawfit.views import RunResiduals, residuals

__all__ = ["Content", "Section"]

DRAWN: Final = 40  # curves that are drawn
FOLLOWED: Final = 12  # curves whose terms and past forecasts are drawn
BUDGETS: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures under a heading, and what is to be known to read them."""

    name: str
    title: str
    note: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Content:
    """A fit and its data; see `lawfit.report.write_report` for the fields."""

    fit: Fit
    data: Any
    title: str
    level: float
    resamples: Bootstrap | None
    against: Against | None
    flops: Floats | None
    replay: bool

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves, if the data are curves."""
        return tuple(self.data) if isinstance(self.data, Curves) else ()

    @property
    def drawn(self) -> tuple[Curve, ...]:
        """The curves that are drawn: those of the fit first."""
        return tuple(sorted(self.curves, key=lambda c: c.name not in self.seen))[:DRAWN]

    @cached_property
    def seen(self) -> frozenset[str]:
        """Names of the curves that the fit was made to, as far as its record tells."""
        used = dict(self.fit.sources)
        return frozenset(curve.name for curve in self.curves if f"curve {curve.name!r}" in used)

    @cached_property
    def fitted(self) -> frozenset[str]:
        """Names of those of them that it saw every point of, not the beginning of a run alone."""
        used, skip = dict(self.fit.sources), self.fit.options.skip_steps
        return frozenset(
            curve.name
            for curve in self.curves
            if used.get(f"curve {curve.name!r}") == (curve.steps >= first_step(curve, skip)).sum()
        )

    @cached_property
    def runs(self) -> tuple[RunResiduals, ...]:
        """What the law leaves of each curve drawn, or of the columns."""
        if self.data is None or not np.isfinite([*self.fit.params.values()]).all():
            return ()
        return residuals(self.fit, self.drawn or self.data)

    @property
    def own_runs(self) -> list[RunResiduals]:
        """Those of the fit's own data: columns of as many rows as it had are taken for them."""
        if self.curves:
            return [run for run in self.runs if run.name in self.fitted]
        return [run for run in self.runs if run.values.size == self.fit.n]

    @cached_property
    def planned(self) -> tuple[Curve, ...]:
        """The curves drawn that have a schedule."""
        return tuple(curve for curve in self.drawn if curve.schedule is not None)

    @property
    def no_whatif(self) -> str | None:
        """Why there is no what-if panel, or None if there is one."""
        return unanswered(self.fit, self.planned)

    def whatif(self) -> dict[str, Any]:
        """Return what the panel needs."""
        found = whatif(self.fit, self.planned, self.fitted, self.level)
        return found | {"figure": as_plotly(whatif_figure(self.fit.law.y))}

    def sections(self) -> Iterator[Section]:
        """Yield the sections of pictures for which there are data."""
        yield from self._points()
        if self.planned and self.fit.law.uses_schedule and self.runs and self._has_terms:
            yield self._section("terms", terms_figure(self.fit, self.planned[:FOLLOWED]))
        if self.runs:
            at = "step" if self.curves else "row"
            yield self._section("residuals", *residual_figures(self.fit, self.runs, at))
        if self.replay and self._may_replay:
            followed = self.planned[:FOLLOWED]
            told = replay_figures(self.fit, followed, self.seen, self.level)
            if told["choices"]:
                yield self._section("replay", told)
        yield from self._compute()
        if self.against is not None:
            figure, said = crossover_figure(self.fit, self.against, self.level)
            yield Section("crossover", _TITLES["crossover"][0], said, (figure,))
        known = [*profile_figures(self.fit)]
        if self.resamples is not None:
            known += resample_figures(self.resamples, self.level)
        if known:
            yield self._section("parameters-known", *known)

    def _section(self, name: str, *figures: Figure) -> Section:
        return Section(name, *_TITLES[name], figures)

    def _points(self) -> Iterator[Section]:
        if not self.runs:
            return
        if not self.curves:
            title, note = _TITLES["measured"]
            if not self.own_runs:
                rows = sum(run.values.size for run in self.runs)
                note += f" These are {rows} rows; the fit was made to {self.fit.n}."
            yield Section("measured", title, note, (measured_figure(self.fit, self.runs),))
            return
        figure = curves_figure(self.fit, self.drawn, self.fitted, self.level)
        title, note = _TITLES["curves"]
        more = " Learning rates are beneath." if self.planned else ""
        left = len(self.curves) - len(self.drawn)
        more += f" {left} more runs are in the table of data only." if left else ""
        yield Section("curves", title, note.format(self.level) + more, (figure,))

    @property
    def _has_terms(self) -> bool:
        law = self.fit.law
        whole = not isinstance(law, CallableLaw) and not law.implicit
        return whole and SIZES.issuperset(law.columns)  # which are known at every step

    @property
    def _may_replay(self) -> bool:
        law = self.fit.law
        alone = {*law.columns} <= {"step", "lr"} and law.y == "loss"
        return bool(self.planned and self.runs and law.uses_schedule and alone)

    def _compute(self) -> Iterator[Section]:
        """Draw the budgets asked for, or some within the data if the law allows them."""
        if self.flops is not None:
            figures = compute_figures(self.fit, self.flops, self._table_of_compute(), self.level)
            yield self._section("compute", *figures)
        elif (budgets := self._budgets_within()) is not None:
            try:
                best = compute_optimal(self.fit, budgets, draws=0)
                if np.isnan(best.exponent).all():  # as of a law of the best learning rate
                    raise ValueError("no budget has a best size")
                figures = compute_figures(self.fit, budgets, self._table_of_compute(), self.level)
                yield self._section("compute", *figures)
            except ValueError as error:
                yield Section("compute", _TITLES["compute"][0], f"Not drawn: {error}.", ())

    def _budgets_within(self) -> Floats | None:
        """Return compute budgets within the data, if the law has any."""
        table = self._table_of_compute() if self.runs else None
        if table is None:
            return None
        low, high = np.quantile(table["C"], [0.05, 1.0]).tolist()
        return np.geomspace(low, 10 * high, BUDGETS) if low > 6 else None

    def _table_of_compute(self) -> Mapping[str, Floats] | None:
        """Return the compute and loss of the rows, at 6 FLOPs a parameter and token."""
        if self.curves or self.data is None or {*self.fit.law.columns} != {"N", "D"}:
            return None
        policy = self.fit.options.nan_policy
        rows = rows_of(self.fit.law, self.data, warmup="actual", skip_steps=None, nan_policy=policy)
        assert rows.y is not None
        columns = dict(zip(self.fit.law.columns, rows.columns, strict=True))
        return {"C": 6 * columns["N"] * columns["D"], "loss": rows.y}


_TITLES: Final = {
    "curves": (
        "The runs and the law",
        "Dots are measured. A solid line is the law of a run that it was fitted to, a dashed one "
        "of a run that it was not told of, or not in full; bands are {:g} intervals of the law, "
        "without the noise of single points.",
    ),
    "measured": (
        "Measured and predicted",
        "Points on the line are predicted exactly.",
    ),
    "terms": (
        "What each term gives",
        "Terms that add lie on one another; terms that take away hang from their top. "
        "What is left is the loss.",
    ),
    "residuals": (
        "What the law leaves",
        "Residuals without a pattern are what a right law leaves. A slope over the steps is a "
        "trend that the law misses; ends that bend away from the line are outliers; "
        "autocorrelation above the band means that neighbouring points say less than their "
        "number.",
    ),
    "replay": (
        "How early one could have known",
        "The final loss as it would have been forecast while the run trained: from the run alone, "
        "and, for runs that this fit has not seen, with this fit known beforehand. Bands are for "
        "what is logged at the end, noise included; where there is no band, the points did not yet "
        "determine the end. A run with no more points than free parameters tells nothing.",
    ),
    "compute": (
        "Where compute is best spent",
        "By the fitted law, at 6 FLOPs a parameter and token.",
    ),
    "crossover": ("Where two laws meet", ""),
    "parameters-known": (
        "How well the parameters are known",
        "A profile holds one parameter at each value and fits the others: a flat one means that "
        "the data hardly care. Resamples are fits to the rows drawn again with replacement.",
    ),
}  # fmt: skip
