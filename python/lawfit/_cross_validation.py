"""Fits made again without a part of their data, and scored on that part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from lawfit._validate import Floats, Ints
from lawfit.curve import Curve
from lawfit.curves import Curves, as_curves
from lawfit.fit import fit as fit_law
from lawfit.prediction import Request
from lawfit.result import Fit
from lawfit.rows import Rows, first_step, is_table, rows_of
from lawfit.scores import Score, Scores, score

__all__ = ["common_score", "common_skips", "cross_validated", "pooled", "rows_again"]

SAME, BLUR = 1e-6, 1e-9  # relatively to a mean error and to the target: the same mean error


def rows_again(fit: Fit, data: Any, name: str) -> Rows:
    """Return the rows of data that a fit was made to.

    Raises
    ------
    ValueError
        If they are not as many as the fit's, by source, or the fit is not as far from them.
    """
    policy = fit.options.nan_policy if is_table(data) else "raise"
    rows = _rows(fit, data, fit.options.skip_steps, policy)
    found = [(group.source, group.end - group.begin) for group in rows.groups]
    if sorted(found) != sorted(fit.sources):
        odd = next(one for one in [*found, *fit.sources] if one not in set(found) & {*fit.sources})
        raise ValueError(
            f"data are not those of fit {name!r}: {odd[0]} has {odd[1]} points in one of them alone"
        )
    known = fit.training.MAE
    if math.isfinite(known):
        assert rows.y is not None
        here = fit._scored(rows).MAE
        rounding = BLUR * float(np.abs(rows.y).mean())
        if not math.isclose(here, known, rel_tol=SAME, abs_tol=rounding):
            raise ValueError(
                f"data are not those of fit {name!r}: its MAE is {here:.6g} on them, and "
                f"{known:.6g} on its own"
            )
    return rows


def cross_validated(
    fit: Fit, data: Any, skips: Sequence[int], *, folds: list[Ints], threads: int | None
) -> tuple[Scores, dict[str, str]]:
    """Fit each part's complement and score the part: curves one by one, a table by `folds`.

    Returns
    -------
    scores : Scores
        By curve or fold, where the other parts determine every parameter.
    lost : dict of str to str
        By curve or fold, what they do not determine, how the fit ended, or what else stood against
        a score.
    """
    scores: dict[str, Score] = {}
    lost: dict[str, str] = {}
    for name, rest, part, skip in _parts(fit, data, skips, folds):
        found = _left_out(fit, rest, part, skip, threads)
        if isinstance(found, Score):
            scores[name] = found
        else:
            lost[name] = found
    return Scores(scores), lost


def _left_out(fit: Fit, rest: Any, part: Any, skip: int | None, threads: int | None) -> Score | str:
    """Return the score of what is left out, or why there is none."""
    n, p = len(_rows(fit, rest, fit.options.skip_steps)), len(fit.free)
    if n < p:
        return f"the others have {n} points for {p} parameters"
    again = _again(fit, rest, threads)
    if not again.success:
        open_ = ", ".join(again.undetermined)
        return f"the others leave {open_} open" if open_ else f"ended as {again.status!r}"
    rows = _rows(fit, part, skip)
    predicted = again._evaluate(Request(rows, None, everywhere=False))
    if rows.y is None or not np.isfinite(predicted).all():
        return "has no finite value there"
    return score(rows.y, predicted)


def _rows(fit: Fit, data: Any, skip: int | None, nan_policy: str = "raise") -> Rows:
    skip = None if is_table(data) else skip
    warmup = fit.options.warmup
    return rows_of(fit.law, data, warmup=warmup, skip_steps=skip, nan_policy=nan_policy)


def common_score(fit: Any, data: Any, skips: Sequence[int]) -> Scores:
    """Score a fit on curves, each from a step on, or on a table as a whole."""
    if is_table(data):
        return Scores({"data": pooled([*fit.score(data).values()])})
    scored = (
        (curve.name, _only(fit.score(curve, skip_steps=skip)))
        for curve, skip in zip(as_curves(data), skips, strict=True)
    )
    return Scores(dict(scored))


def pooled(scores: Sequence[Score]) -> Score:
    """Return the scores of all points together; R2 of several is not known from theirs."""
    if len(scores) == 1:
        return scores[0]
    weights = np.array([one.n for one in scores], dtype=np.float64)

    def mean(values: Iterable[float]) -> float:
        return float(np.average(list(values), weights=weights))

    return Score(
        R2=math.nan,
        MAE=mean(one.MAE for one in scores),
        RMSE=math.sqrt(mean(one.RMSE**2 for one in scores)),
        PredE=mean(one.PredE for one in scores),
        WorstE=max(one.WorstE for one in scores),
        n=int(weights.sum()),
    )


def common_skips(fits: Sequence[Fit], data: Any) -> list[int]:
    """Return for every curve the step that every fit would score from."""
    if is_table(data):
        return []
    return [
        max(first_step(curve, fit.options.skip_steps) for fit in fits) for curve in as_curves(data)
    ]


def _only(scores: Scores) -> Score:
    (score,) = scores.values()
    return score


def _parts(
    fit: Fit, data: Any, skips: Sequence[int], folds: list[Ints]
) -> Iterator[tuple[str, Any, Any, int | None]]:
    if not is_table(data):
        curves = as_curves(data)
        for i, (curve, skip) in enumerate(zip(curves, skips, strict=True)):
            rest: list[Curve] = [*curves[:i], *curves[i + 1 :]]
            yield curve.name, Curves(rest), curve, skip
        return
    rows = rows_of(fit.law, data, warmup="actual", skip_steps=None, nan_policy="omit")
    kept = rows.kept()
    assert rows.y is not None
    table: dict[str, Floats] = dict(zip(rows.law.columns, rows.columns, strict=True))
    table[rows.law.y] = rows.y
    for i, fold in enumerate(folds):
        inside = np.isin(kept, fold)
        if inside.any():
            rest_of = {name: column[~inside] for name, column in table.items()}
            part = {name: column[inside] for name, column in table.items()}
            yield f"fold {i + 1}", rest_of, part, None


def _again(fit: Fit, data: Any, threads: int | None) -> Fit:
    """Fit as it was fitted, its profile included."""
    options, law = fit.options, fit.law
    grid = {name: sorted({point.values[name] for point in fit.profile}) for name in _profiled(fit)}
    fixed: dict[str, float | None] = {
        name: None if name in fit.free else value
        for name, value in fit.params.items()
        if name not in grid and (name not in fit.free or law.parameters[name].held is not None)
    }
    return fit_law(
        law,
        data,
        loss=options.loss,
        delta=options.delta,
        space=options.space,
        reduction=options.reduction,
        fixed=fixed,
        bounds=_bounds(fit),
        rng=options.seed,
        threads=threads,
        profile=grid or None,
        warmup=options.warmup,
        skip_steps=None if is_table(data) else options.skip_steps,
        exact=options.exact,
        max_iterations=options.max_iterations,
        tolerance=options.tolerance,
    )


def _bounds(fit: Fit) -> dict[str, tuple[float | None, float | None]]:
    """Return the bounds of free parameters, as far as they are known: not of a fit from a file."""
    if fit._trained is not None:
        ends = zip(fit.free, fit._trained.lower, fit._trained.upper, strict=True)
        return {name: (_end(low), _end(high)) for name, low, high in ends}
    found = {}
    for name, side in fit.at_bounds.items():
        of_law, end = fit.law.parameters[name], fit.params[name]
        low, high = (end, of_law.upper) if side == "lower" else (of_law.lower, end)
        found[name] = (_end(low), _end(high))
    return found


def _profiled(fit: Fit) -> list[str]:
    return list(fit.profile[0].values) if fit.profile else []


def _end(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None
