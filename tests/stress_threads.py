"""Python threads at shared and at own objects: does each find what it finds alone?

python tests/stress_threads.py --count 20
"""

import argparse
import json
import sys
import threading

import numpy as np

import lawfit as lf
from runtime_problem import many, problem, python_law

THREADS = 8
TABLE = many(400, 4)
START = {"a": 1.5, "b": 0.4, "c": 1.2}
SCHEDULE = lf.schedules.wsd(steps=900, peak=1e-3, warmup=10, decay_start=700, end=1e-5)
STEPS = np.arange(10, 900)
AREAS = SCHEDULE.areas(at=STEPS, warmup="peak")
LOSSES = (2.5 + 0.45 * AREAS[0] ** -0.5 - 0.4 * AREAS[1]) * (1 + 1e-3 * np.sin(STEPS))


class Shared:
    """What all threads use at once."""

    def __init__(self):
        self.problem = lf.Problem("power", TABLE)
        self.fit = lf.fit("power", TABLE)
        self.curves = lf.fit("annealing", problem())
        self.law = python_law()
        self.forecaster = lf.Forecaster("annealing", SCHEDULE).update_many(STEPS, LOSSES)


def numbers(fit):
    return [*fit.params.values(), fit.objective, *fit.stderr.values()]


def follow(mode):
    """A forecaster of the thread's own, point by point."""
    forecaster = lf.Forecaster("annealing", SCHEDULE, mode=mode)
    for step, loss in zip(STEPS[::3].tolist(), LOSSES[::3].tolist(), strict=True):
        forecaster.update(step, loss)
    return [*forecaster.params.values(), forecaster.forecast().loss]


JOBS = {
    "fit": lambda s, k: numbers(lf.fit("power", TABLE, rng=k % 3, threads=1 + k % 2)),
    "fit a Python law": lambda s, k: numbers(lf.fit(s.law, TABLE, starts=[START])),
    "fit a shared problem": lambda s, k: numbers(s.problem.fit(rng=k % 3)),
    "minimise": lambda s, k: list(s.problem.minimise(START).params.values()),
    "fit_many": lambda s, k: lf.fit_many("power", TABLE, by="set", resamples=3).objective.tolist(),
    "bootstrap": lambda s, k: lf.bootstrap(s.fit, 20, rng=k % 3).objective.tolist(),
    "predict": lambda s, k: s.curves.predict(SCHEDULE).tolist(),
    "interval": lambda s, k: [x.tolist() for x in s.fit.interval({"x": [10.0, 1e7]})],
    "read and write": lambda s, k: numbers(lf.Fit.from_json(s.curves.to_json())),
    "areas": lambda s, k: [x.tolist() for x in SCHEDULE.areas(0.99 + 1e-3 * (k % 3))],
    "formula": lambda s, k: numbers(
        lf.fit(lf.Law("own", "logaddexp(a - b*log(x), c)", ["a", "b", "c"], y="y"), TABLE)
    ),
    "own forecaster": lambda s, k: follow(("exact", "anchored")[k % 2]),
    "shared forecaster": lambda s, k: [*s.forecaster.params.values(), s.forecaster.forecast().loss],
}


def together(work):
    """Run work(k) on each thread k at once; return what each returned, or its exception."""
    barrier, found = threading.Barrier(THREADS), [None] * THREADS

    def enter(k):
        barrier.wait()
        try:
            found[k] = work(k)
        except Exception as error:  # told by who compares
            found[k] = error

    workers = [threading.Thread(target=enter, args=(k,)) for k in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def feed_together():
    """Threads take turns at one forecaster's points; it must end as if one had fed it."""
    steps = iter(zip(STEPS.tolist(), LOSSES.tolist(), strict=True))
    turn = threading.Lock()
    forecaster = lf.Forecaster("annealing", SCHEDULE)

    def work(k):
        while True:
            with turn:
                point = next(steps, None)
                if point is None:
                    return
                forecaster.update(*point)
            forecast = forecaster.forecast()  # of the points it saw; another may have come since
            assert np.isfinite(forecast.loss) or forecast.points < 10
            assert len(forecaster.curve) >= 1
            assert forecaster.status

    errors = [error for error in together(work) if error is not None]
    return [*errors, *forecaster.params.values()]


def collide():
    """Threads race to give one forecaster the same points: each is taken once, or refused."""
    forecaster = lf.Forecaster("annealing", SCHEDULE, mode="anchored")
    some = list(zip(STEPS[:200].tolist(), LOSSES[:200].tolist(), strict=True))

    def work(k):
        refused = 0
        for step, loss in some:
            try:
                forecaster.update(step, loss)
            except ValueError:
                refused += 1
        return refused

    refused = sum(together(work))
    return refused + forecaster.n == THREADS * len(some)


def measure(count):
    """Jobs whose answer differed from that of one thread alone, over so many rounds."""
    shared = Shared()
    alone = {name: [job(shared, k) for k in range(6)] for name, job in JOBS.items()}
    jobs, differ = list(JOBS.items()), []
    expected = list(lf.Forecaster("annealing", SCHEDULE).update_many(STEPS, LOSSES).params.values())
    for turn in range(count):

        def work(k, turn=turn):
            # The same job on all threads in one round, another on each in the next.
            order = range(len(jobs)) if turn % 2 else range(k, k + len(jobs))
            chosen = [jobs[i % len(jobs)] for i in order]
            return [n for n, job in chosen if job(shared, k % 6) != alone[n][k % 6]]

        for names in together(work):
            differ += names if isinstance(names, list) else [repr(names)]
        if (found := feed_together()) != expected:
            differ.append(f"feed_together {found}")
        if not collide():
            differ.append("collide")
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {"rounds": count, "threads": THREADS, "gil": gil, "differ": differ}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="rounds of all jobs on all threads")
    print(json.dumps(measure(parser.parse_args().count)))
