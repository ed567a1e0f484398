"""Replay finished runs point by point: how early could one have known where they end?

    python bench/replay.py [--level 0.9] [--picture replay.png] [--json FILE]

A Forecaster with the annealing law is fed every run of the samples, and of MultiPowerLaw's published
curves where they are at hand, and asked for the final loss at 20, 40, 60 and 80 % of the steps:
without a prior, and with a fit to the constant and the cosine run of the next smaller model as the
prior, whose λ it takes too. `error` is the median distance of the forecast from the mean of the last
3 losses logged, in nats; `held` the share of intervals that hold the last loss; `width` the median
of half the finite ones; `open` how many are infinite, because no point says yet what a decay does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import lawfit as lf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

SHARES = (0.2, 0.4, 0.6, 0.8)
LAMBDAS = [0.99, 0.995, 0.998, 0.999, 0.9995]
LAST = 3  # losses whose mean is the truth an error is taken to
MULTIPOWER = (
    *("constant_24000", "constant_72000", "cosine_24000", "cosine_72000", "wsd_20000_24000"),
    *("wsdcon_3", "wsdcon_9", "wsdcon_18", "wsdld_20000_24000"),
)


class Family(NamedTuple):
    """Runs of models of several sizes, smallest first, and which of them a prior is fitted to."""

    name: str
    runs: dict[int, lf.Curves]
    fitted: list[str]


class Told(NamedTuple):
    """What a forecaster said at one point of one run."""

    loss: float
    lower: float
    upper: float
    prior_share: float
    truth: float
    last: float


def families() -> Iterator[Family]:
    sizes = lf.samples.sizes()
    runs = {size: lf.samples.curves(params=size) for size in sizes}
    yield Family("samples", runs, ["constant_4000", "cosine_4000"])
    try:
        from golden_data import multipower_curves  # noqa: PLC0415 - skips where data are missing

        runs = {s: lf.Curves(multipower_curves(s, MULTIPOWER)) for s in (25, 100, 400)}
    except BaseException as missing:  # noqa: BLE001 - pytest's skip is none of Exception
        print(f"without MultiPowerLaw's curves: {missing}")
        return
    yield Family("multipower", runs, ["constant_24000", "cosine_24000"])


def told(run: lf.Curve, prior: lf.Fit | None, level: float, shares=SHARES) -> list[Told]:
    fixed = {} if prior is None else {"lam": prior.params["lam"]}
    forecaster = lf.Forecaster("annealing", run.schedule, prior=prior, fixed=fixed)
    steps, found, done = run.schedule.steps, [], 0
    for share in shares:
        here = int(np.searchsorted(run.steps, share * steps))
        forecaster.update_many(run.steps[done:here], run.loss[done:here])
        done = here
        forecast = forecaster.forecast(run.steps[-1:], level).last()
        numbers = (forecast.loss, forecast.lower, forecast.upper, forecast.prior_share)
        found.append(Told(*numbers, float(run.loss[-LAST:].mean()), float(run.loss[-1])))
    return found


def priors(family: Family) -> dict[int, lf.Fit]:
    """For every size but the smallest, the fit to the next smaller one."""
    sizes = list(family.runs)
    return {
        size: lf.fit("annealing", family.runs[smaller][family.fitted], profile={"lam": LAMBDAS})
        for smaller, size in zip(sizes, sizes[1:], strict=False)
    }


def replay(family: Family, level: float) -> list[dict]:
    rows = []
    known = priors(family)
    for label in ("no prior", "prior"):
        # The same runs with and without, so that they compare.
        cases = [(run, known[size]) for size in known for run in family.runs[size]]
        all_told = [told(run, fit if label == "prior" else None, level) for run, fit in cases]
        for k, share in enumerate(SHARES):
            at = [each[k] for each in all_told]
            here = {"runs": family.name, "with": label, "share": share, "n": len(at)}
            rows.append(here | summary(at))
    return rows


def summary(at: list[Told]) -> dict:
    errors = np.array([abs(t.loss - t.truth) for t in at])
    half = np.array([(t.upper - t.lower) / 2 for t in at])
    held = np.array([t.lower <= t.last <= t.upper for t in at])
    finite = np.isfinite(half)
    return {
        "error": float(np.nanmedian(errors)),
        "worst": float(np.nanmax(errors)),
        "held": float(held.mean()),
        "held_finite": float(held[finite].mean()) if finite.any() else float("nan"),
        "width": float(np.median(half[finite])) if finite.any() else float("inf"),
        "open": int(np.sum(~finite)),
        "prior_share": float(np.median([t.prior_share for t in at])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--picture", type=Path, help="draw how early one could have known")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [row for family in families() for row in replay(family, given.level)]
    columns = ("runs", "with", "share", "n", *summary([Told(0, 0, 0, 0, 0, 0)]))
    print(" ".join(f"{name:>11s}" for name in columns))
    for row in rows:
        cells = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values())
        print(" ".join(f"{cell:>11s}" for cell in cells))
    for label in ("no prior", "prior"):
        of = [row for row in rows if row["with"] == label]
        print(f"{label}: {np.average([r['held'] for r in of], weights=[r['n'] for r in of]):.3f} held")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
