"""F6, F7, F11 and F12: the tests' own stress scripts at their full counts, each its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from bench.figures import TESTS, Figure, Peer, Plan, others_running


def stress(name: str, count: int) -> dict[str, Any]:
    """What a script of the tests measured."""
    command = [sys.executable, str(TESTS / f"stress_{name}.py"), "--count", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"stress_{name}.py failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_bits(plan: Plan) -> list[Figure]:
    count = 20
    found = stress("bits", count)
    return [
        Figure(
            "F6",
            f"bits of every output: 1, 2, 4, 8 threads x {count} repeats x shuffled starts",
            "one hash",
            f"{found['hashes']} hash of {found['runs']} runs",
            found["hashes"] == 1,
            tuple(others_running.bits() if plan.peers else ()),
            found,
        )
    ]


def measure_areas(plan: Plan) -> list[Figure]:
    found = stress("areas", 10**9)
    error, grown = max(found["s1_error"], found["s2_error"]), found["rss_growth_kib"] / 1024
    return [
        Figure(
            "F7",
            "S1 and S2 of a schedule of 1e9 steps against 60-digit arithmetic",
            "relative error at most 1e-14, 64 MiB",
            f"{found['s1_error']:.1e} and {found['s2_error']:.1e}, {grown:.1f} MiB, "
            f"at most {found['max_seconds']:.2f} s a schedule",
            error <= 1e-14 and grown <= 64,
            tuple(cumulative_sums() if plan.peers else ()),
            found,
        )
    ]


def cumulative_sums(steps: int = 10**7) -> list[Peer]:
    """S1 of a cosine by numpy's cumulative sum, against the pairs' exact sum."""
    peak, end = 3e-4, 3e-5
    at = np.arange(steps, dtype=np.float64)
    lr = end + (peak - end) / 2 * (1 + np.cos(np.pi * at / steps))
    # Rates at t and at steps - t add up to the two ends, but for the first and the middle one.
    exact = peak + (steps - 1) * (peak + end) / 2
    found = []
    for kind in (np.float64, np.float32):
        error = abs(float(np.cumsum(lr.astype(kind))[-1]) - exact) / exact
        found.append(Peer(f"numpy {np.dtype(kind)} cumsum", f"{error:.1e} at {steps:.0e} steps"))
    return found


def measure_signals(plan: Plan) -> list[Figure]:
    count = 50
    found = stress("signals", count)
    by_call = ", ".join(f"{name} {ms:.0f}" for name, ms in found["by_call"].items())
    return [
        Figure(
            "F11",
            f"{count} SIGINTs into each of long native and Python-law fits",
            "at most 100 ms, next fit bitwise right",
            f"at most {found['max_ms']:.0f} ms of {found['count']} ({by_call}), "
            f"{found['different_bits']} next fits differ",
            found["max_ms"] < 100 and found["different_bits"] == 0,
            tuple(others_running.interrupts(10) if plan.peers else ()),
            found,
        )
    ]


def measure_forks(plan: Plan) -> list[Figure]:
    forks, refits = stress("forks", 200), stress("refits", 10**6)
    return [
        Figure(
            "F12",
            "200 forks after and during fits, spawned processes, 1e6 refits",
            "0 hangs, RSS growth under 1 MiB",
            f"{forks['hangs']} hangs, {forks['wrong']} wrong answers of {forks['count']} forks and "
            f"{forks['spawned']} spawned; RSS +{refits['rss_growth_kib']} KiB over "
            f"{refits['count']:.0e} refits, {refits['different']} of them different",
            forks["hangs"] == forks["wrong"] == refits["different"] == 0
            and refits["rss_growth_kib"] < 1024,
            tuple(others_running.forks() if plan.peers else ()),
            {"forks": forks, "refits": refits},
        )
    ]
