"""Replay finished runs point by point: how early could one have known where they end?

    python bench/replay.py [--level 0.9] [--picture replay.png] [--json FILE]

A Forecaster with the annealing law is fed every run of the samples, and of MultiPowerLaw's curves
where they are at hand, and asked for the final loss at 20, 40, 60 and 80 % of the steps: without a
prior, and with a fit to the constant and the cosine run of the next smaller model as the prior,
whose λ it takes too. `error` is the median distance of the forecast from the mean of the last 3
losses logged, in nats, and `worst` the largest; `held` the share of intervals that hold the last
loss, `held_finite` of those that are finite; `width` the median of half of these; `open` how many
are infinite, because no point says yet what a decay does.
"""

from __future__ import annotations

import argparse
import itertools
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

    forecast: lf.Forecast
    truth: float
    last: float

    @property
    def error(self) -> float:
        return abs(self.forecast.loss - self.truth)

    @property
    def held(self) -> bool:
        return self.forecast.lower <= self.last <= self.forecast.upper


def families() -> Iterator[Family]:
    sizes = lf.samples.sizes()
    runs = {size: lf.samples.curves(params=size) for size in sizes}
    yield Family("samples", runs, ["constant_4000", "cosine_4000"])
    try:
        from golden_data import multipower_curves  # noqa: PLC0415 - skips where data are missing

        runs = {s: lf.Curves(multipower_curves(s, MULTIPOWER)) for s in (25, 100, 400)}
    except BaseException as missing:
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
        found.append(Told(forecast, float(run.loss[-LAST:].mean()), float(run.loss[-1])))
    return found


def priors(family: Family) -> dict[int, lf.Fit]:
    """For every size but the smallest, the fit to the next smaller one."""
    sizes = list(family.runs)
    return {
        size: lf.fit("annealing", family.runs[smaller][family.fitted], profile={"lam": LAMBDAS})
        for smaller, size in itertools.pairwise(sizes)
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
    errors = np.array([t.error for t in at])
    half = np.array([(t.forecast.upper - t.forecast.lower) / 2 for t in at])
    held = np.array([t.held for t in at])
    finite = np.isfinite(half)
    return {
        "error": float(np.median(errors)),
        "worst": float(np.max(errors)),
        "held": float(held.mean()),
        "held_finite": float(held[finite].mean()) if finite.any() else float("nan"),
        "width": float(np.median(half[finite])) if finite.any() else float("inf"),
        "open": int(np.sum(~finite)),
        "prior_share": float(np.median([t.forecast.prior_share for t in at])),
    }


def draw(rows: list[dict], level: float, path: Path) -> None:
    """Left: forecasts of one run's end as it trained. Right: median errors of all of a family."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the table needs none

    from lawfit import plot  # noqa: PLC0415

    family = next(families())
    *_, size = family.runs
    run, prior = family.runs[size]["wsd_4000"], priors(family)[size]
    names = list(dict.fromkeys(row["runs"] for row in rows))
    figure = Figure(figsize=(4.6 + 3.4 * len(names), 3.6), layout="constrained")
    left, *others = figure.subplots(1, 1 + len(names), width_ratios=[1.35] + [1] * len(names))
    shares = np.arange(0.05, 1.0, 0.025)
    steps = (shares * run.schedule.steps).astype(int)
    for fit, label in ((None, "no prior"), (prior, "prior: the next smaller model")):
        forecasts = [t.forecast for t in told(run, fit, level, shares)]
        plot.final_loss(left, steps, forecasts, label=label, prior=fit is not None)
    left.axhline(run.loss[-LAST:].mean(), color="0.2", linewidth=1, linestyle=":", label="measured")
    left.set_ylim(run.loss.min() - 0.15, run.loss.min() + 0.45)
    left.set_title(f"{run.name}, {size} parameters; bands of {100 * level:g} %", fontsize=10)
    left.legend(frameon=False, fontsize=8)
    for axes, name in zip(others, names, strict=True):
        for label, style in (("no prior", plot.FORECAST), ("prior", plot.FITTED)):
            of = [r for r in rows if r["runs"] == name and r["with"] == label]
            at = [100 * r["share"] for r in of]
            axes.plot(at, [r["error"] for r in of], marker="o", label=label, **style)
        axes.set_yscale("log")
        axes.set_xlabel("share of the run seen (%)")
        axes.set_title(f"{name}: {of[0]['n']} runs", fontsize=10)
        axes.legend(frameon=False, fontsize=8)
    others[0].set_ylabel("median error of the final loss (nats)")
    for axes in (left, *others):
        axes.spines[["top", "right"]].set_visible(False)
    plot.save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--picture", type=Path, help="draw how early one could have known")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [row for family in families() for row in replay(family, given.level)]
    print(" ".join(f"{name:>11s}" for name in rows[0]))
    for row in rows:
        cells = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values())
        print(" ".join(f"{cell:>11s}" for cell in cells))
    for label in ("no prior", "prior"):
        of = [row for row in rows if row["with"] == label]
        print(
            f"{label}: {np.average([r['held'] for r in of], weights=[r['n'] for r in of]):.3f} held"
        )
    if given.picture:
        draw(rows, given.level, given.picture)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
