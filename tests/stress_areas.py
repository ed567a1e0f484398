"""S1 and S2 of schedules of a billion steps against closed forms in 60 digits.

python tests/stress_areas.py --count 1000000000
"""

import argparse
import json
import sys
import time
from pathlib import Path

import mpmath

import lawfit as lf

PEAK, END = 3e-4, 3e-5
LAMS = (0.99, 0.999, 0.9999)
mpmath.mp.dps = 60


def schedules(steps):
    warmup, late = steps // 1000, 4 * steps // 5
    common = {"steps": steps, "peak": PEAK, "warmup": warmup}
    return {
        "constant": lf.schedules.constant(**common),
        "cosine": lf.schedules.cosine(**common, end=END),
        "linear": lf.schedules.linear(**common, end=END),
        "wsd": lf.schedules.wsd(**common, decay_start=late, end=END),
        "two_stage": lf.schedules.two_stage(**common, switch=late, second=END),
    }


def waves(piece):
    """The LR of a piece's step j as a + b·j + Re(c·zʲ)."""
    start, end = mpmath.mpf(piece.start), mpmath.mpf(piece.end)
    x0, dx = mpmath.mpf(piece.offset) / piece.span, mpmath.mpf(1) / piece.span
    if piece.shape == "constant":
        return start, 0, 0, mpmath.mpf(1)
    if piece.shape == "linear":
        slope = (end - start) * dx
        return start + slope * piece.offset, slope, 0, mpmath.mpf(1)
    assert piece.shape == "cosine"
    half = (start - end) / 2
    return (
        end + half,
        0,
        half * mpmath.exp(1j * mpmath.pi * x0),
        mpmath.exp(1j * mpmath.pi * dx),
    )


def powers(z, n):
    """Σ zʲ and Σ j·zʲ over j = 0 … n-1."""
    if z == 1:
        return mpmath.mpf(n), mpmath.mpf(n) * (n - 1) / 2
    end = z**n
    return (end - 1) / (z - 1), (n * end * (z - 1) - z * (end - 1)) / (z - 1) ** 2


def weighted(piece, growth):
    """Σ lr_j·growthʲ over a piece."""
    a, b, c, z = waves(piece)
    once, risen = powers(growth, piece.steps)
    wave = mpmath.re(c * powers(growth * z, piece.steps)[0]) if c else 0
    return a * once + b * risen + wave


def reference(schedule, lam):
    """S1 and S2 of the last step with the warm-up counted as peak.

    Summed by parts, S2(T) = lr_0·(1 - lamᵀ)/(1 - lam) - Σ lr_k·lamᵀ⁻ᵏ over k = 1 … T.
    """
    lam = mpmath.mpf(lam)
    first, *rest = schedule._pieces
    assert first.steps == schedule.warmup
    held = lf.schedule.Piece("constant", first.steps, PEAK)
    last, begin, s1, tail = len(schedule) - 1, 0, mpmath.mpf(0), mpmath.mpf(0)
    for piece in (held, *rest):
        s1 += weighted(piece, mpmath.mpf(1))
        tail += lam ** (last - begin) * weighted(piece, 1 / lam)
        begin += piece.steps
    tail -= lam**last * PEAK
    return s1, PEAK * (1 - lam**last) / (1 - lam) - tail


def peak_kib():
    """Peak resident memory of this process; getrusage would include its parent's before exec."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def relative(got, want):
    """Relative error; where the LR never falls S2 is 0, but for the last of the 60 digits."""
    return float(abs(got - want) / abs(want)) if abs(want) > 1e-40 else abs(float(got))


def measure(count, shapes=None):
    """Largest relative errors over shapes and decays, growth of memory, seconds of a call."""
    lf.schedules.cosine(steps=100, peak=PEAK).areas(at=[99])
    wanted = {
        (name, lam): reference(schedule, lam)
        for name, schedule in schedules(count).items()
        for lam in LAMS
        if name in (shapes or schedules(count))
    }
    linux = sys.platform == "linux"
    before = peak_kib() if linux else 0
    errors, seconds = {}, {}
    for (name, lam), want in wanted.items():
        begin = time.perf_counter()
        got = schedules(count)[name].areas(lam, at=[count - 1], warmup="peak")
        seconds[f"{name} {lam}"] = time.perf_counter() - begin
        errors[f"{name} {lam}"] = [relative(g[0], w) for g, w in zip(got, want, strict=True)]
    return {
        "steps": count,
        "s1_error": max(e[0] for e in errors.values()),
        "s2_error": max(e[1] for e in errors.values()),
        "rss_growth_kib": peak_kib() - before if linux else None,
        "max_seconds": max(seconds.values()),
        "errors": errors,
        "seconds": seconds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10**9, help="steps of each schedule")
    print(json.dumps(measure(parser.parse_args().count)))
