"""Several fits to the same data, side by side: what each says of its data, and of others."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from lawfit._cross_validation import (
    common_score,
    common_skips,
    cross_validated,
    pooled,
    rows_again,
)
from lawfit._keywords import known_keywords
from lawfit._likelihood import log_likelihood, rho
from lawfit._noise import memory
from lawfit._printable import shown
from lawfit._validate import EPSILON, Floats, Ints, integer
from lawfit.comparison import CRITERIA, Compared, Comparison, mean_mae
from lawfit.curves import as_curves
from lawfit.grouped import GroupedFit
from lawfit.options import read_threads
from lawfit.result import Fit
from lawfit.rows import Rows, is_table
from lawfit.scores import Score

__all__ = ["compare"]

AnyFit: TypeAlias = "Fit | GroupedFit"
SAME = 1e-9  # relatively: an objective is that of its residuals, two fits are as good
TINY = 1e-300
ROUNDING = 64 * EPSILON  # of R2, and of residuals beside their target
SAME_SPREAD = 1e-6  # relatively: the targets of two fits scatter alike
CLOSE = 2.0  # AICs that differ by less say little (Burnham and Anderson 2002, section 2.6)
FOLDS = 10
ALIKE = 1.5  # points in a row that are worth one


@known_keywords
def compare(
    fits: Iterable[AnyFit] | Mapping[str, AnyFit],
    data: Any = None,
    *,
    held_out: Any = None,
    folds: int | None = None,
    rng: Any = 0,
    threads: int | None = None,
) -> Comparison:
    """Compare fits of several laws, or of one law in several ways, to the same data.

    Parameters
    ----------
    fits : sequence or mapping by name of Fit or GroupedFit
        At least two; without names they are called after their laws, and numbered.
    data : Curves, sequence of Curve, mapping or data frame, optional
        The data that all were made to, for cross-validation: every curve is predicted by a fit to
        the others, and a table in `folds` parts, profiles chosen anew each time, from the law's own
        starts. Of a saved fit, which keeps no bounds but those it sits at, the others are the
        law's. Points count from the step on that all fits use.
    held_out : Curve, or as `data`, optional
        Data that none was made to.
    folds : int, optional
        Parts of a table, drawn at random; by default 10, or as many as rows. What is near a row
        stays in: rows held out beyond the fitted ones say more, if the law is to forecast.
    rng : int
        Seed of the parts.
    threads : int, optional
        As of `lawfit.fit`.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        For fewer than two fits, data that are not those of the fits, or `folds` of curves.

    Notes
    -----
    AIC = 2·k - 2·l and BIC = k·log n - 2·l, with k - 1 parameters fitted or profiled, and l the
    greatest log likelihood of the residuals. A robust loss rho alone has none; its density is
    exp(-rho/tau)/Z(tau), with tau fitted, the k-th parameter: so fits that differ in loss and delta
    can be compared. Fits in logarithmic and in linear space together need `data`, and have l of the
    target itself. For a binomial loss l is minus half the deviance, k has no tau, and all fits are
    taken to be of the same trials, which they do not keep.

    Points are taken as independent, which neighbours on a curve are not: a warning says how many
    are worth one. Held-out and left-out curves do not depend on that, and go first.
    """
    named = _read_fits(fits)
    data, held_out = _read_data(data), _read_data(held_out)
    every = [part for fit in named.values() for part in _parts(fit)]
    count = None if folds is None else integer(folds, field="folds", lower=2)
    if count is not None and not is_table(data):
        what = "there are no data" if data is None else "curves are left out one by one"
        raise ValueError(f"folds is {count}, but {what}: only a table has parts")
    seed = integer(rng, field="rng", lower=0)
    for fit in every:
        read_threads(threads, fit.law)
    warnings = _differences(named)
    ys = {} if data is None else _targets(named, data)
    shifts = {} if warnings else _shifts(named, ys, warnings)
    rows = [_row(name, fit, shifts.get(name, math.nan)) for name, fit in named.items()]
    if data is not None:
        parts = _Parts(data, common_skips(every, data), _folds(ys, data, count, seed), threads)
        rows = [_with_cross_validation(row, named[row.name], parts, warnings) for row in rows]
    if held_out is not None:
        warnings += _seen(named, held_out)
        skips = common_skips(every, held_out)
        rows = [replace(r, held_out=common_score(named[r.name], held_out, skips)) for r in rows]
    warnings += _about_points(named)
    best, criterion = _best(rows, named, warnings)
    return Comparison(tuple(rows), best, criterion, tuple(dict.fromkeys(warnings)))


def _read_fits(fits: Any) -> dict[str, AnyFit]:
    if isinstance(fits, Fit | GroupedFit) or not isinstance(fits, Iterable):
        raise TypeError(f"fits is a {type(fits).__name__}; expected several of them")
    given = list(fits.items() if isinstance(fits, Mapping) else ((None, fit) for fit in fits))
    named: dict[str, AnyFit] = {}
    for index, (name, fit) in enumerate(given):
        if not isinstance(fit, Fit | GroupedFit):
            where = f"index {index}" if name is None else shown(name)
            raise TypeError(f"fits: {where} is a {type(fit).__name__}; expected a Fit")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"fits: name {shown(name)} is a {type(name).__name__}; expected text")
        plain = fit.law.name if name is None else name
        same = (f"{plain} ({k})" for k in itertools.count(2))
        named[next(n for n in (plain, *itertools.islice(same, len(given))) if n not in named)] = fit
    if len(named) < 2:
        raise ValueError(f"fits has {len(named)}; expected at least 2 to compare")
    return named


def _read_data(data: Any) -> Any:
    """Return a table as it is, and curves, which may be read only once, as Curves."""
    return data if data is None or is_table(data) else as_curves(data)


def _parts(fit: AnyFit) -> tuple[Fit, ...]:
    return (fit,) if isinstance(fit, Fit) else fit.fits


def _sources(fit: AnyFit) -> list[tuple[str, int]]:
    """Return how many points each source gave; a table's groups are parts of one."""
    counts: Counter[str] = Counter()
    for key, part in fit.items() if isinstance(fit, GroupedFit) else [("", fit)]:
        for source, n in part.sources:
            counts[source.removesuffix(f", group {key!r}")] += n
    return sorted(counts.items())


def _other_values(one: AnyFit, other: AnyFit) -> bool:
    """Say whether two targets scatter unlike, which R2 and RMSE of any fit to them give away."""
    scores = _training(one), _training(other)
    left = float(np.min([1 - score.R2 for score in scores]))
    if not left > 0:  # all but perfect, or not known
        return False
    spreads = (score.RMSE**2 / (1 - score.R2) for score in scores)
    return not math.isclose(*spreads, rel_tol=max(SAME_SPREAD, ROUNDING / left))


def _differences(named: Mapping[str, AnyFit]) -> list[str]:
    """Say where fits were made to other data than the first."""
    (first, one), *others = named.items()
    found = []
    for name, fit in others:
        if one.law.y != fit.law.y:
            what = f"predicts {fit.law.y}, not {one.law.y}"
        elif _sources(one) != _sources(fit):
            mine, theirs = (", ".join(f"{s}: {n}" for s, n in _sources(f)) for f in (fit, one))
            what = f"was fitted to other points ({mine}) than {first!r} ({theirs})"
        elif _other_values(one, fit):
            what = f"was fitted to other values than {first!r}, under the same names"
        else:
            continue
        found.append(f"{name!r} {what}: objectives, AIC and BIC cannot be compared")
    return found


def _training(fit: AnyFit) -> Score:
    """Return the scores of all points; R2 of groups is not known from theirs."""
    return pooled([part.training for part in _parts(fit)])


def _targets(named: Mapping[str, AnyFit], data: Any) -> dict[str, Rows]:
    """Return the rows of every fit without groups, refusing data that it was not made to."""
    return {
        name: rows_again(fit, data, name) for name, fit in named.items() if isinstance(fit, Fit)
    }


def _shifts(
    named: Mapping[str, AnyFit], rows: Mapping[str, Rows], warnings: list[str]
) -> dict[str, float]:
    """Return what makes each fit's log likelihood one of the same thing.

    That is 0 where all are of one space; a density of log y is one of y less the sum of log y.
    """
    options = {name: _parts(fit)[0].options for name, fit in named.items()}
    if len({o.loss == "binomial" for o in options.values()}) > 1:
        warnings.append("a binomial loss and another have no AIC and BIC in common")
        return {}
    if len({o.space for o in options.values()}) == 1:
        return dict.fromkeys(named, 0.0)
    if rows.keys() != named.keys():
        warnings.append(
            "residuals are logarithmic in some fits and not in others: for AIC and BIC in common "
            "give the data (of fits without groups)"
        )
        return {}
    shifts = dict.fromkeys(named, 0.0)
    for name, of_fit in rows.items():
        if options[name].space == "log":
            shifts[name] = -float(np.log(_target(of_fit)).sum())
    return shifts


def _target(rows: Rows) -> Floats:
    assert rows.y is not None
    return rows.y


def _row(name: str, fit: AnyFit, shift: float) -> Compared:
    options = _parts(fit)[0].options
    n, free = sum(part.n for part in _parts(fit)), _free(fit)
    total = _total(fit)
    if options.loss == "binomial":
        likelihood, k = shift - total, free
    else:
        likelihood, k = shift + log_likelihood(total, n, options), free + 1
    if _weighted(fit):
        likelihood = math.nan
    return Compared(
        name=name,
        law=fit.law.name,
        status=fit.status,
        n=n,
        free=free,
        objective=fit.objective,
        log_likelihood=likelihood,
        AIC=2 * k - 2 * likelihood,
        BIC=k * math.log(n) - 2 * likelihood,
        training=_training(fit),
    )


def _total(fit: AnyFit) -> float:
    """Return the sum of losses over all points, whatever the fit reports."""
    mean = _parts(fit)[0].options.reduction == "mean"
    return fit.objective * (sum(part.n for part in _parts(fit)) if mean else 1)


def _weighted(fit: AnyFit) -> bool:
    """Say whether residuals alone do not give the objective; trials do not tell."""
    options = _parts(fit)[0].options
    if options.loss == "binomial":
        return False
    alone = math.fsum(float(rho(part.residuals, options).sum()) for part in _parts(fit))
    rounding = max(TINY, math.fsum(map(_blur, _parts(fit))))
    total = _total(fit)
    return math.isfinite(total) and not math.isclose(total, alone, rel_tol=SAME, abs_tol=rounding)


def _blur(fit: Fit) -> float:
    """Return how far rounding in the residuals may move the sum of their losses."""
    one = ROUNDING
    if fit.options.space == "linear" and fit.training.PredE > 0:
        one *= fit.training.MAE / fit.training.PredE  # the size of the target
    return one * float(np.abs(fit.residuals).sum()) + fit.n * one**2


def _free(fit: AnyFit) -> int:
    """Count the parameters that data chose: fitted ones, and those of a profile."""
    profiled = len(fit.profile[0].values) if fit.profile else 0
    if isinstance(fit, Fit):
        return len(fit.free) + profiled
    if not fit.shared:
        return sum(map(_free, fit.fits))
    own = len(fit.fits[0].free) - len(fit.shared)
    return len(fit.shared) + own * len(fit) + profiled


class _Parts(NamedTuple):
    """What a cross-validation leaves out in turn."""

    data: Any
    skips: list[int]
    folds: list[Ints]
    threads: int | None


def _folds(rows: Mapping[str, Rows], data: Any, count: int | None, seed: int) -> list[Ints]:
    """Return the parts of a table as places among its rows, or [] for curves."""
    if not is_table(data):
        if len(data) < 2:
            raise ValueError("data has 1 curve; cross-validation leaves one out: expected >= 2")
        return []
    given = max((of_fit.given for of_fit in rows.values()), default=0)
    if count is not None and count > given > 0:
        raise ValueError(f"folds is {count}; data have {given} rows")
    count = max(min(FOLDS, given), 1) if count is None else count
    return np.array_split(np.random.default_rng(seed).permutation(given), count)


def _with_cross_validation(
    row: Compared, fit: AnyFit, parts: _Parts, warnings: list[str]
) -> Compared:
    kept = {"groups": isinstance(fit, GroupedFit), "weights": _weighted(fit)}
    kept["trials"] = _parts(fit)[0].options.loss == "binomial"
    obstacles = [what for what, stands in kept.items() if stands]
    if obstacles or not isinstance(fit, Fit):
        warnings.append(f"{row.name!r} is not cross-validated: a fit with {obstacles[0]}")
        return row
    scores, lost = cross_validated(
        fit, parts.data, parts.skips, folds=parts.folds, threads=parts.threads
    )
    for part, what in lost.items():
        warnings.append(f"{row.name!r} without {part!r}: {what}; not scored there")
    return replace(row, cross_validated=scores if len(scores) else None)


def _seen(named: Mapping[str, AnyFit], held_out: Any) -> list[str]:
    """Say which held-out curves have the name of one that a fit was made to."""
    if is_table(held_out):
        return []
    names = {f"curve {curve.name!r}" for curve in held_out}
    seen = sorted({s for fit in named.values() for s, _ in _sources(fit) if s in names})
    return [f"held out is {source}, and a fit was made to one of that name" for source in seen]


def _about_points(named: Mapping[str, AnyFit]) -> list[str]:
    """Say what weighs on AIC and BIC: weights, and residuals that are like their neighbours."""
    found = [
        f"{name!r} was fitted with weights, which are not kept: no AIC and BIC"
        for name, fit in named.items()
        if _weighted(fit)
    ]
    worth = [_worth(fit) for fit in named.values()]
    if min(worth) > ALIKE:  # the law that fits best has the least
        found.append(
            f"neighbouring residuals of a curve are alike, by {min(worth):.1f} points for one "
            "independent one at least: differences of AIC and BIC say that much less"
        )
    return found


def _worth(fit: AnyFit) -> float:
    """Return how many points of a curve are worth an independent one; 1 for tables."""
    found, weights = [1.0], [0]
    for part in _parts(fit):
        ends = np.cumsum([n for _, n in part.sources])
        for (source, n), r in zip(part.sources, np.split(part.residuals, ends[:-1]), strict=True):
            if source.startswith("curve "):
                found.append(memory(r))
                weights.append(n)
    return float(np.average(found, weights=weights)) if sum(weights) else 1.0


def _best(
    rows: Sequence[Compared], named: Mapping[str, AnyFit], warnings: list[str]
) -> tuple[str | None, str | None]:
    good = [row for row in rows if _settled(named[row.name])]
    warnings += [
        f"{row.name!r} ended as {row.status!r} and is not considered"
        for row in rows
        if row not in good
    ]
    for criterion in CRITERIA:
        values = {row.name: _measure(rows, row, criterion) for row in good}
        if len(values) > 1 and all(map(math.isfinite, values.values())):
            lowest = min(values.values())
            alike = [n for n, v in values.items() if math.isclose(v, lowest, rel_tol=SAME)]
            best, *others = alike  # rounding decides nothing
            if criterion == "AIC":
                warnings += _undecided(values, best)
            else:
                warnings += [f"{name!r} is as good, by {CRITERIA[criterion]}" for name in others]
            return best, criterion
    return None, None


def _settled(fit: AnyFit) -> bool:
    return all(part.success for part in _parts(fit))


def _measure(rows: Sequence[Compared], row: Compared, criterion: str) -> float:
    return row.AIC if criterion == "AIC" else mean_mae(rows, row, criterion)


def _undecided(values: Mapping[str, float], best: str) -> list[str]:
    return [
        f"AIC does not tell {name!r} from {best!r}: they differ by {abs(value - values[best]):.2g}"
        for name, value in values.items()
        if name != best and value - values[best] < CLOSE
    ]
