"""J3: the multi-power law on its authors' three training curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lawfit as lf
from bench.peers import data
from bench.peers.plan import Plan, Scale
from bench.peers.problems import DELTA, Floats
from bench.peers.solver import MissingPeerError, Solver
from bench.peers.timing import Contestant, Skip

# The highest train objective that a fit may end at, by model size in millions.
AT_MOST = {25: 1.39e-4, 100: 2.14e-5, 400: 7.89e-5}
NAMES = ("L0", "A", "alpha", "B", "C", "beta", "gamma")
START = {"L0": 2.5, "A": 0.6, "alpha": 0.45, "B": 400.0, "C": 2.0, "beta": 0.6, "gamma": 0.6}
BOUNDS = ([0, 1e-3, 0, 0, 1e-3, 0.01, 0], [np.inf] * 5 + [2, 2])
AGREES = 1e-9


@dataclass(frozen=True)
class Sums:
    """What the plain sum over steps needs of a curve."""

    lr: Floats
    total: Floats  # S up to and with each step
    at: NDArray[np.int64]
    loss: Floats


def sums(curves: Sequence[lf.Curve]) -> list[Sums]:
    return [Sums(c.schedule.lr, np.cumsum(c.schedule.lr), c.steps, c.loss) for c in curves]


def log_losses(curves: Sequence[Sums], theta: Floats, drop: Any) -> tuple[Floats, Floats]:
    """log f - log y of all points, and its Jacobian."""
    L0, A, alpha, B, C, beta, gamma = theta
    rows, slopes = [], []
    for curve in curves:
        d = drop(curve.lr, curve.total, curve.at, C, beta, gamma)
        s = curve.total[curve.at]
        power = s**-alpha
        f = np.maximum(L0 + A * power - B * d[0], 1e-8)
        parts = (np.ones_like(f), power, -A * power * np.log(s), -d[0], *(-B * d[1:]))
        rows.append(np.log(f / curve.loss))
        slopes.append(np.stack(parts, axis=1) / f[:, None])
    return np.concatenate(rows), np.concatenate(slopes)


def huber(d: Floats) -> float:
    size = np.abs(d)
    return float(np.sum(np.where(size <= DELTA, size**2 / 2, DELTA * (size - DELTA / 2))))


def by_scipy(curves: Sequence[Sums], drop: Any) -> Callable[[], Floats]:
    """least_squares with its own Huber loss, the sums taken as they are written."""
    from scipy.optimize import least_squares  # noqa: PLC0415  (a peer)

    start = np.array([START[name] for name in NAMES])
    held: dict[bytes, tuple[Floats, Floats]] = {}

    def at(theta: Floats) -> tuple[Floats, Floats]:
        key = theta.tobytes()
        if key not in held:
            held.clear()
            held[key] = log_losses(curves, theta, drop)
        return held[key]

    def solve() -> Floats:
        held.clear()
        return least_squares(
            lambda theta: at(theta)[0],
            start,
            lambda theta: at(theta)[1],
            method="trf",
            loss="huber",
            f_scale=DELTA,
            x_scale="jac",
            bounds=BOUNDS,
            ftol=1e-10,
            xtol=1e-10,
            max_nfev=200,
        ).x

    return solve


def j3(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    for size in (100,) if scale.quick else AT_MOST:
        curves = data.multipower_curves(size, data.MULTIPOWER_TRAIN)
        plan = Plan(f"multi-power law, {size}M, three training curves", at_most=True)
        plan.reference = AT_MOST[size]
        plan.notes.append(
            "not run: the authors' script; 83 to 137 s a model where it was run before"
        )
        drop = loss_drop()
        plan.add(ours(curves, drop))
        if isinstance(drop, Skip):
            plan.add(drop)
        elif not scale.quick:
            plan.add(peer(curves, drop))
        yield plan


def loss_drop() -> Any:
    """The plain sum, compiled; or why it is not here."""
    try:
        from bench.peers.numba_peers import loss_drop as drop  # noqa: PLC0415  (may not import)
    except MissingPeerError as error:
        return Skip("scipy trf huber", "numba", str(error))
    return drop


def peer(curves: Sequence[lf.Curve], drop: Any) -> Contestant:
    plain = sums(curves)

    def score(theta: Floats) -> Floats:
        return np.array([huber(log_losses(plain, theta, drop)[0])])

    about = "one start, plain sums and exact Jacobian by numba, tolerances 1e-10"
    return Contestant("scipy trf huber", "numba", about, by_scipy(plain, drop), score)


def ours(curves: Sequence[lf.Curve], drop: Any) -> Contestant:
    """lf.fit from default starts; its objective summed plainly where numba is here."""
    plain = sums(curves)

    def score(fit: lf.Fit) -> Floats:
        if isinstance(drop, Skip):
            return np.array([fit.objective])
        theta = np.array([fit.params[name] for name in NAMES])
        found = huber(log_losses(plain, theta, drop)[0])
        return np.array([found if abs(fit.objective / found - 1) <= AGREES else np.nan])

    return Contestant(
        "lawfit",
        "fit",
        "lf.fit from default starts",
        lambda: lf.fit("multi_power", curves, skip_steps=0, threads=1),
        score,
        success=lambda fit: fit.starts_agreed / fit.starts_asked,
        remark=lambda fit: f"{fit.starts_run} run, {fit.starts_merged} merged",
    )
