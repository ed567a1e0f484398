"""Fit the multi-power law to its authors' curves, and say how fast, how well and how exactly.

    python bench/multi_power.py [--repeats 5]

Prints for each model size the test scores at the published parameters, the wall time of a fit of
the three training curves on one thread (warm, default starts), its train objective and its own test
scores, and how far the interpolated loss drop is from the plain sum. Needs the published curves
beside the checkout, as the tests of the same numbers do.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import lawfit as lf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from golden_data import MULTIPOWER_TEST, MULTIPOWER_TRAIN, multipower_curves
from test_goldens import G3

LAW = lf.laws.multi_power


def shown(predict, curves):
    """Mean scores of predictions."""
    errors = [np.abs(predict(curve) - curve.loss) for curve in curves]
    relative = [e / curve.loss for e, curve in zip(errors, curves, strict=True)]
    spreads = [np.sum((curve.loss - curve.loss.mean()) ** 2) for curve in curves]
    r2 = np.mean([1 - np.sum(e**2) / s for e, s in zip(errors, spreads, strict=True)])
    mae, pred, worst = (
        np.mean([pick(values) for values in parts])
        for pick, parts in ((np.mean, errors), (np.mean, relative), (np.max, relative))
    )
    return f"R2 {r2:.4f}  MAE {mae:.5f}  PredE {pred:.5f}  WorstE {worst:.5f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(lf.build_info())
    for size, published in G3.items():
        train, test = (multipower_curves(size, n) for n in (MULTIPOWER_TRAIN, MULTIPOWER_TEST))
        params = dict(zip(LAW.parameters, published, strict=True))
        print(f"{size}M\n  published: {shown(lambda c, p=params: lf.predict(LAW, p, c), test)}")
        times = []
        for _ in range(repeats):
            begin = time.perf_counter()
            fit = lf.fit(LAW, train, skip_steps=0, threads=1)
            times.append(time.perf_counter() - begin)
        print(f"  fitted:    {shown(fit.predict, test)}")
        print(
            f"  {statistics.median(times):.3f} s ({min(times):.3f} to {max(times):.3f}), train "
            f"objective {fit.objective:.10g}, {fit.starts_agreed} of {fit.starts_asked} starts "
            f"agree, {fit.evaluations} evaluations"
        )
        begin = time.perf_counter()
        exact = lf.fit(LAW, train, skip_steps=0, threads=1, exact=True, starts=[dict(fit.params)])
        seconds = time.perf_counter() - begin
        drift = max(np.max(np.abs(exact.predict(c) / fit.predict(c) - 1)) for c in (*train, *test))
        print(
            f"  summed plainly from there: {seconds:.3f} s, objective {exact.objective:.10g}, "
            f"predictions within {drift:.1e} relative"
        )


if __name__ == "__main__":
    main()
