"""Whether threads, repeats and the order of starts change a bit of any output: one hash says no.

Nothing is left out but wall times. `Fit.notes` would name starts on a bound by their place.

python tests/stress_bits.py --count 20
"""

import argparse
import hashlib
import itertools
import json

import numpy as np

import lawfit as lf
from runtime_problem import many, problem

THREADS = (1, 2, 4, 8)
TABLE = many(4000, 8)
TABLE["y"] = TABLE["y"] * np.exp(np.random.default_rng(3).normal(0, 2e-3, 4000))
BEND = lf.Law("bend", "logaddexp(a - b*log(x), c)", ["a", "b", "c"], y="y")
OTHER = lf.schedules.wsd(steps=3000, peak=8e-4, warmup=100, decay_start=2500, end=1e-5)
# Some lead to one minimum of two, some are merged into it, some are the same.
STARTS = [
    {"a": a, "b": b, "c": c}
    for a, b, c in [*itertools.product((0.1, 1.0, 9.0), (0.1, 0.9), (0.2, 1.4)), (1, 0.9, 0.2)]
]


def pieces(fit):
    """Every number of a fit, and what it says as text."""
    plain = fit.with_seconds(0.0)
    yield fit.cov.tobytes()
    yield repr((fit.params, fit.stderr, fit.objective)).encode()
    yield plain.to_json().encode()
    yield plain.summary().encode()


def single(starts, threads):
    fit = lf.fit("power", TABLE, starts=starts, threads=threads)
    yield from pieces(fit)
    yield fit.residuals.tobytes()
    yield fit.predict({"x": TABLE["x"][::7]}).tobytes()
    yield from (part.tobytes() for part in fit.interval({"x": TABLE["x"][::50]}))
    yield repr(fit.conf_int()).encode()
    drawn = lf.bootstrap(fit, 200, threads=threads)
    yield from (values.tobytes() for values in (*drawn.params.values(), drawn.objective))
    yield from pieces(lf.fit(BEND, TABLE, starts=starts, threads=threads))


def several(starts, threads):
    table = lf.fit_many("power", TABLE, by="set", resamples=20, starts=starts, threads=threads)
    for values in (*table.params.values(), *table.stderr.values(), *table.resampled.values()):
        yield values.tobytes()
    yield from (table.objective.tobytes(), table.starts_agreed.tobytes())
    together = lf.fit("power", TABLE, by="set", shared=["b"], threads=threads)
    yield from pieces(together[together.keys()[0]])
    yield together.with_seconds(0.0).cov.tobytes()
    grid = {"b": [0.28, 0.3, 0.32]}
    profiled = lf.fit("power", TABLE, profile=grid, threads=threads)
    yield from pieces(profiled)


def run(seed, threads):
    """A hash of all outputs, with the starts in an order of their own."""
    order = np.random.default_rng(seed).permutation(len(STARTS))
    starts = [STARTS[k] for k in order]
    digest = hashlib.sha256()
    for piece in itertools.chain(single(starts, threads), several(starts, threads)):
        digest.update(piece)
    curves = lf.fit("annealing", problem(), threads=threads)
    for piece in (*pieces(curves), curves.predict(OTHER).tobytes()):
        digest.update(piece)
    return digest.hexdigest()


def measure(count):
    """How many hashes so many repeats on each number of threads have."""
    found = {run(k, threads) for k in range(count) for threads in THREADS}
    return {"runs": count * len(THREADS), "hashes": len(found)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="repeats for each number of threads")
    print(json.dumps(measure(parser.parse_args().count)))
