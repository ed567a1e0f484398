"""What a fit across groups found: a fit for every group, and what they share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from lawfit import _core
from lawfit._printable import shown
from lawfit._record import Record
from lawfit._validate import Floats, choose, closest
from lawfit.curve import Curve
from lawfit.curves import as_curves
from lawfit.groups import By, Key, curve_key, label, members, nearest_keys, read_key, table_keys
from lawfit.law import Law
from lawfit.options import ProfilePoint
from lawfit.result import SUCCESSES, Fit
from lawfit.rows import is_table
from lawfit.saved import FORMAT, Saved, check_format, check_variances, plain, read_profile
from lawfit.scores import Score, Scores
from lawfit.table import table_columns
from lawfit.text import grouped_line, grouped_summary

__all__ = ["GroupedFit"]


@dataclass(frozen=True, eq=False, repr=False)
class GroupedFit(Saved):
    """A law fitted to groups of runs, each with parameters of its own beside shared ones.

    ``fit[key]`` is the `Fit` of a group, which predicts, scores and knows its errors as any other;
    ``for key in fit``, ``key in fit``, ``len(fit)``, `keys`, `values` and `items` are a mapping's.

    Attributes
    ----------
    by : str or None
        The attribute or column that the groups are the values of; None for a function.
    groups : tuple of str or float
        The groups' keys, in the order in which the data have them.
    fits : tuple of Fit
        The groups' fits, in that order. `Fit.cov` is the block of a group's own and the shared
        parameters in the covariance of all; `Fit.objective` the group's share.
    shared : tuple of str
        The parameters fitted once.
    cov : ndarray, shape (shared, shared)
        Their covariance, as in `Fit`: s² and n - p are those of all rows and parameters.
    objective : float
        Of all groups.
    status, message : str
        As of a `Fit`; "rank_deficient" if the data do not determine every parameter of every group.
    undetermined : tuple of str
        Shared parameters that no group determines.
    rank, condition
        As of a `Fit`, of the shared parameters once every group's own are eliminated.
    starts_asked, starts_run, starts_merged, starts_failed, starts_agreed, iterations, evaluations,
    profile, seconds
        As of a `Fit`, though no start is merged; without shared parameters the counts are sums over
        groups.
    """

    KIND: ClassVar[str] = "grouped fit"

    by: str | None
    groups: tuple[Key, ...]
    fits: tuple[Fit, ...]
    shared: tuple[str, ...]
    cov: Floats
    objective: float
    status: str
    message: str
    undetermined: tuple[str, ...]
    rank: int
    condition: float
    starts_asked: int
    starts_run: int
    starts_merged: int
    starts_failed: int
    starts_agreed: int
    iterations: int
    evaluations: int
    profile: tuple[ProfilePoint, ...] = ()
    seconds: float = math.nan

    def __post_init__(self) -> None:
        cov = np.array(self.cov, dtype=np.float64)
        cov.setflags(write=False)
        object.__setattr__(self, "cov", cov)
        points = (p._replace(values=MappingProxyType(dict(p.values))) for p in self.profile)
        object.__setattr__(self, "profile", tuple(points))

    @classmethod
    def together(
        cls,
        fits: Mapping[Key, Fit],
        *,
        by: By,
        shared: Sequence[str],
        solution: _core.Solution,
        scale: float,
    ) -> GroupedFit:
        """Put together what one solve of all groups found."""
        first = next(iter(fits.values()))
        index = [first.free.index(name) for name in shared]
        p, k = len(first.free), len(shared)
        solved = solution.theta.size > 0
        cov = solution.covariance.reshape(p, p)[np.ix_(index, index)] if solved else None
        late = solution.status == "timeout"
        lost = (f for f in fits.values() if f.status == "rank_deficient" and not late)
        ended = next(lost, solution)
        own = sum(f.rank - solution.rank for f in fits.values())
        freedom = max(sum(f.n for f in fits.values()) - own - solution.rank, 0)
        return cls(
            by=by if isinstance(by, str) else None,
            groups=tuple(fits),
            fits=tuple(dataclasses.replace(f, freedom=freedom) for f in fits.values()),
            shared=tuple(shared),
            cov=np.full((k, k), np.nan) if cov is None else cov,
            objective=solution.objective * scale if solved else math.nan,
            status=ended.status,
            message=ended.message,
            undetermined=tuple(
                name
                for name, i in zip(shared, index, strict=True)
                if solved and solution.undetermined[i]
            ),
            rank=solution.rank,
            condition=solution.condition,
            **{name: getattr(solution, name) for name in COUNTS},
        )

    @classmethod
    def alone(cls, fits: Mapping[Key, Fit], *, by: By, weights: Sequence[float]) -> GroupedFit:
        """Put together groups that were fitted each by itself."""

        def severity(f: Fit) -> tuple[bool, bool, bool]:
            return (f.status == "timeout", not f.success, f.status != "converged")

        worst = max(fits.values(), key=severity)
        return cls(
            by=by if isinstance(by, str) else None,
            groups=tuple(fits),
            fits=tuple(fits.values()),
            shared=(),
            cov=np.zeros((0, 0)),
            objective=math.fsum(
                w * f.objective for w, f in zip(weights, fits.values(), strict=True)
            ),
            status=worst.status,
            message=worst.message,
            undetermined=(),
            rank=0,
            condition=1.0,
            **{name: sum(getattr(f, name) for f in fits.values()) for name in COUNTS},
        )

    def __getitem__(self, key: Key) -> Fit:
        if key not in self.groups:
            raise ValueError(f"group {key!r} is unknown{nearest_keys(key, self.groups)}")
        return self.fits[self.groups.index(key)]

    def __contains__(self, key: object) -> bool:
        return key in self.groups

    def __iter__(self) -> Iterator[Key]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def keys(self) -> tuple[Key, ...]:
        """Return the groups' keys."""
        return self.groups

    def values(self) -> tuple[Fit, ...]:
        """Return the groups' fits."""
        return self.fits

    def items(self) -> tuple[tuple[Key, Fit], ...]:
        """Return pairs of a key and its fit."""
        return tuple(zip(self.groups, self.fits, strict=True))

    @property
    def law(self) -> Law:
        """The law of all groups."""
        return self.fits[0].law

    @property
    def n(self) -> int:
        """Rows fitted, of all groups."""
        return sum(fit.n for fit in self.fits)

    @property
    def success(self) -> bool:
        """Whether the solver converged and the data determine every parameter of every group."""
        return self.status in SUCCESSES

    @property
    def params(self) -> Mapping[str, float]:
        """The parameters that are the same in every group: shared ones, and those held."""
        first = self.fits[0]
        own = set(first.free) - set(self.shared)
        own |= {name for point in first.profile for name in point.values}  # by each for itself
        return MappingProxyType({name: x for name, x in first.params.items() if name not in own})

    @property
    def stderr(self) -> Mapping[str, float]:
        """Standard errors of `params`; 0 for one that was held."""
        errors = dict(zip(self.shared, np.sqrt(np.diag(self.cov)).tolist(), strict=True))
        return MappingProxyType({name: errors.get(name, 0.0) for name in self.params})

    def predict(
        self,
        data: Any,
        at: Any = None,
        *,
        group: Key | None = None,
        params: float | None = None,
        tokens_per_step: float | None = None,
    ) -> Floats:
        """Predict with the parameters of one group.

        Parameters
        ----------
        data, at, params, tokens_per_step
            As of `Fit.predict`.
        group : str or float, optional
            Whose parameters to use. A curve finds its group by itself where `by` is a name.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        TypeError, ValueError
            Also for a group that was not fitted; the message names the nearest ones.
        """
        if group is None:
            if not isinstance(data, Curve):
                raise TypeError(f"a {type(data).__name__} belongs to no group; give group=")
            group = self._key(data)
        return self[group].predict(data, at, params=params, tokens_per_step=tokens_per_step)

    def conf_int(self, level: float = 0.95, **options: Any) -> dict[str, tuple[float, float]]:
        """Return a confidence interval for every parameter of `params`, as `Fit.conf_int` does.

        Those of a group's own parameters are ``fit[group].conf_int(…)``.
        """
        pairs = self.fits[0].conf_int(level, **options)
        return {name: pairs[name] for name in self.params}

    def score(self, data: Any, *, skip_steps: int | None = None) -> Scores:
        """Score predictions of measured curves or columns, each by the fit of its group.

        Parameters
        ----------
        data : Curve, Curves, sequence of Curve, mapping or data frame
        skip_steps : int, optional
            As of `Fit.score`.

        Returns
        -------
        Scores
            By curve name, or for columns by group.
        """
        if is_table(data):
            return self._score_table(data, skip_steps)
        scores: dict[str, Score] = {}
        for curve in as_curves(data):
            scores |= self[self._key(curve)].score(curve, skip_steps=skip_steps)
        return Scores(scores)

    def _key(self, curve: Curve) -> Key:
        if self.by is None:
            raise TypeError(
                f"curve {curve.name!r}: its group is unknown, since the groups were made by a "
                "function; give group=, or score it by the fit of its group"
            )
        return curve_key(curve, self.by)

    def _score_table(self, data: Any, skip_steps: int | None) -> Scores:
        if self.by is None:
            raise TypeError("columns belong to no group: the groups were made by a function")
        columns = table_columns(data, [*self.law.columns, self.law.y])
        found = members(table_keys(data, self.by))
        return Scores(
            {
                label(key): self[key].score(
                    {name: column[index] for name, column in columns.items()},
                    skip_steps=skip_steps,
                )["data"]
                for key, index in found.items()
            }
        )

    def summary(self) -> str:
        """Return the fit on several lines: shared parameters, a line a group, quality."""
        return grouped_summary(self)

    def __repr__(self) -> str:
        return grouped_line(self)

    def __hash__(self) -> int:
        return hash((self.groups, self.shared, self.objective))

    def state(self) -> dict[str, Any]:
        """Return what `to_dict` does, with the law itself, which may be a Python function."""
        return {**self.to_dict(), "fits": [fit.state() for fit in self.fits]}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, from which `from_dict` makes an equal fit."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        fits = [fit.to_dict() for fit in self.fits]
        return {"format": FORMAT, **plain(fields | {"fits": fits})}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GroupedFit:
        """Return the fit that `to_dict` described; unknown and missing keys are refused."""
        what = cls.KIND
        record = Record(data, what, ["format", *(f.name for f in dataclasses.fields(cls))])
        check_format(record)
        groups = tuple(
            read_key(key, f"{what}: group {i}") for i, key in enumerate(record.items("groups"))
        )
        fits = tuple(Fit.from_dict(fit) for fit in record.items("fits"))
        shared = record.texts("shared")
        if len(groups) != len(fits) or not fits or len(set(groups)) != len(groups):
            raise ValueError(
                f"{what}: 'groups' and 'fits' must be alike in number, and keys differ"
            )
        if any((fit.law, fit.free) != (fits[0].law, fits[0].free) for fit in fits):
            raise ValueError(f"{what}: 'fits' must be of one law and its same free parameters")
        for name in shared:
            if name not in fits[0].free:
                raise ValueError(
                    f"{what}: 'shared' names {shown(name)}{closest(name, fits[0].free)}"
                )
        rows = [Record({"row": row}, f"{what}: cov").reals("row") for row in record.items("cov")]
        if any(len(row) != len(shared) for row in rows) or len(rows) != len(shared):
            raise ValueError(f"{what}: 'cov' must have shape ({len(shared)}, {len(shared)})")
        cov = np.array(rows).reshape(len(shared), len(shared))
        check_variances(shared, cov, what)
        counts: dict[str, int] = {name: record.integer(name) for name in COUNTS}
        return cls(
            by=record.text("by") if record.has("by") else None,
            groups=groups,
            fits=fits,
            shared=shared,
            cov=cov,
            objective=record.real("objective"),
            status=choose(record.text("status"), _core.STATUSES, field=f"{what}: status"),
            message=record.text("message"),
            undetermined=record.texts("undetermined"),
            rank=record.integer("rank"),
            condition=record.real("condition"),
            profile=read_profile(record),
            seconds=record.real("seconds"),
            **counts,
        )


COUNTS = (
    "starts_asked",
    "starts_run",
    "starts_merged",
    "starts_failed",
    "starts_agreed",
    "iterations",
    "evaluations",
)
