"""J2a: the areas S1 and S2 of a long schedule, at every step and at logged ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lawfit as lf
from bench.peers.plan import Plan, Scale, Side
from bench.peers.problems import Floats
from bench.peers.solver import MissingPeerError, Solver
from bench.peers.timing import Contestant, Skip

LAM = 0.999
EVERY = 100  # steps between logged ones
EXACT = 1e-12  # lawfit's areas agree with extended precision to this, relative to the largest
LOOP = 100_000  # steps that the Python loop does

Areas = tuple[Floats, Floats]
Steps = NDArray[np.int64]


def extended(lr: Floats) -> Areas:
    """S1 and S2 summed in extended precision."""
    wide = lr.astype(np.longdouble)
    m, annealing, s2 = np.longdouble(0), np.longdouble(0), np.empty_like(lr)
    lam = np.longdouble(LAM)
    for i, fall in enumerate(-np.diff(wide, prepend=wide[0])):
        m = lam * m + fall
        annealing += m
        s2[i] = annealing
    return np.cumsum(wide).astype(float), s2


def by_loop(lr: Floats) -> Areas:
    s1, s2, forward, annealing, m, before = [], [], 0.0, 0.0, 0.0, float(lr[0])
    for rate in lr.tolist():
        m = LAM * m + (before - rate)
        before = rate
        forward += rate
        annealing += m
        s1.append(forward)
        s2.append(annealing)
    return np.array(s1), np.array(s2)


def by_filter(lr: Floats) -> Areas:
    from scipy.signal import lfilter  # noqa: PLC0415  (a peer, needed here alone)

    m = lfilter([1.0], [1.0, -LAM], -np.diff(lr, prepend=lr[0]))
    return np.cumsum(lr), np.cumsum(m)


def side(
    peer: str,
    setting: str,
    about: str,
    run: Callable[[], Areas],
    *,
    truth: Areas | None,
    steps: int,
) -> Side:
    """A contestant whose time is that of a step, and whose remark says how exact it is."""

    def remark(found: Areas) -> str:
        return "" if truth is None else f"within {error(found, truth):.1e}"

    def verify(found: Areas) -> None:
        if truth is not None and not error(found, truth) <= EXACT:
            raise AssertionError(f"J2a: lawfit's areas ({setting}): {remark(found)}")

    return Contestant(
        peer,
        setting,
        about,
        run,
        lambda found: np.array([]),
        ran=steps,
        of=1,
        remark=remark,
        verify=verify if peer == "lawfit" else None,
    )


def error(found: Areas, truth: Areas) -> float:
    """The largest error of either area, relative to its largest value."""
    pairs = zip(found, truth, strict=True)
    return max(float(np.max(np.abs(f - t)) / np.max(np.abs(t))) for f, t in pairs)


def j2a(scale: Scale, solvers: Sequence[Solver]) -> Iterator[Plan]:
    usual = 100_000 if scale.quick else 1_000_000
    for steps in (usual, 100_000_000) if scale.full else (usual,):
        pieces = lf.schedules.wsd(
            steps=steps, peak=3e-4, warmup=2000, decay_start=steps // 2, end=3e-5, shape="cosine"
        )
        lr = pieces.lr.copy()
        at = np.arange(EVERY - 1, steps, EVERY)
        # Extended precision in Python takes a second for 1e6 steps; the longer ones are too many.
        truth = extended(lr) if steps <= 1_000_000 else None
        some = None if truth is None else (truth[0][at], truth[1][at])
        yield at_every_step(lr, pieces, truth)
        yield at_logged(lr, pieces, at, some)


def at_every_step(lr: Floats, pieces: lf.Schedule, truth: Areas | None) -> Plan:
    steps, given = lr.size, lf.Schedule(lr, warmup=0)
    plan = Plan(f"S1 and S2 at every one of {steps} steps; time of a step")

    def add(peer: str, setting: str, about: str, run: Callable[[], Areas]) -> None:
        plan.add(side(peer, setting, about, run, truth=truth, steps=steps))

    add("lawfit", "LR given", "from the LR of every step", lambda: given.areas(LAM))
    add("lawfit", "pieces", "from the schedule's pieces", lambda: pieces.areas(LAM))
    numba = imported()
    if isinstance(numba, Skip):
        plan.add(numba)
    else:
        add("numba", "default", "the plain loop", lambda: numba.dense(lr, LAM))
        add("numba", "tuned", "one recurrence, fastmath", lambda: numba.dense_fast(lr, LAM))
    add("scipy lfilter", "default", "lfilter and cumsum", lambda: by_filter(lr))
    part = lr[:LOOP].copy()
    early = None if truth is None else (truth[0][:LOOP], truth[1][:LOOP])
    about = f"of {LOOP} steps"
    loop = side("Python loop", "default", about, lambda: by_loop(part), truth=early, steps=LOOP)
    plan.add(loop)
    return plan


def at_logged(lr: Floats, pieces: lf.Schedule, at: Steps, truth: Areas | None) -> Plan:
    steps, given = lr.size, lf.Schedule(lr, warmup=0)
    plan = Plan(f"S1 and S2 at every {EVERY}th of {steps} steps; time of a step")

    def add(peer: str, setting: str, about: str, run: Callable[[], Areas]) -> None:
        plan.add(side(peer, setting, about, run, truth=truth, steps=steps))

    add("lawfit", "LR given", "from the LR of every step", lambda: given.areas(LAM, at=at))
    add("lawfit", "pieces", "from the schedule's pieces", lambda: pieces.areas(LAM, at=at))
    numba = imported()
    if isinstance(numba, Skip):
        plan.add(numba)
        return plan

    def of_dense() -> Areas:
        s1, s2 = numba.dense_fast(lr, LAM)
        return s1[at], s2[at]

    add("numba", "default", "every step's areas, those asked for taken", of_dense)
    add("numba", "tuned", "stores at logged steps only", lambda: numba.logged(lr, LAM, at))
    return plan


def imported() -> Any:
    """numba's loops, or why they are not here."""
    try:
        from bench.peers import numba_peers  # noqa: PLC0415  (it may not import)
    except MissingPeerError as error:
        return Skip("numba", "all", str(error))
    return numba_peers
