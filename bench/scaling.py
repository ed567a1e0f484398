"""Show how the time of a fit grows with points, starts, parameters, groups and threads.

    python bench/scaling.py [--quick] [--picture scaling.png]

Each curve of times is fitted with seconds = a + b·n**k by lawfit itself, a what a call costs
whatever its size; the exponent is printed with its 95 % interval. Times are the least of several
rounds taken in turns, warm, from data ready in memory to the Fit. On one thread they are CPU time,
so that others on the machine count for little; what more threads give shows on a machine at rest.
The picture needs matplotlib.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

import lawfit as lf

GROWTH = lf.Law(
    "growth",
    "a + b * n**k",
    {
        "a": lf.Parameter(0, meaning="what a call costs"),
        "b": lf.Parameter(0),
        "k": lf.Parameter(0, 4, typical=(0.3, 2)),
    },
    y="seconds",
)


@dataclass
class Series:
    """Jobs of one kind, by size."""

    name: str
    axis: str
    jobs: dict
    clock: Callable = time.process_time
    seconds: dict = field(default_factory=dict)

    def run(self):
        for size, job in self.jobs.items():
            end = time.perf_counter() + 0.01  # short jobs more often
            while True:
                begin = self.clock()
                job()
                taken = self.clock() - begin
                self.seconds[size] = min(taken, self.seconds.get(size, np.inf))
                if time.perf_counter() >= end:
                    break

    def growth(self):
        table = {"n": list(self.seconds), "seconds": list(self.seconds.values())}
        return lf.fit(GROWTH, table, loss="soft_l1", delta=0.05)


def chinchilla(n, count=1, threads=1):
    """Fit n points from the caller's own starts, which are run on all points."""
    rng = np.random.default_rng(0)
    size, data = rng.uniform(np.log(4e7), np.log(1.6e10), n), rng.uniform(20, 27, n)
    size, data = np.exp(size), np.exp(data)
    loss = 1.8172 + 477.8 * size**-0.3473 + 2143 * data**-0.3672
    table = {"N": size, "D": data, "loss": loss * np.exp(3e-3 * rng.standard_normal(n))}
    start = {"A": 406.4, "B": 410.7, "E": 1.69, "alpha": 0.34, "beta": 0.28}
    near = [{k: v * rng.uniform(0.8, 1.2) for k, v in start.items()} for _ in range(count - 1)]
    return partial(lf.fit, "chinchilla", table, starts=[start, *near], threads=threads)


def annealing_curve(n):
    rng, steps = np.random.default_rng(0), 10 * n
    schedule = lf.schedules.wsd(
        steps=steps, peak=3e-4, warmup=steps // 100, decay_start=steps * 4 // 5, end=3e-5
    )
    at = np.linspace(steps // 100 + 1, steps - 1, n).astype(int)
    s1, s2 = schedule.areas(0.999, at=at, warmup="peak")
    loss = 2.63 + 0.43 * s1**-0.55 - 0.41 * s2
    return lf.Curve(at, loss * np.exp(3e-3 * rng.standard_normal(n)), schedule)


def annealing(n):
    start = {"L0": 2.5, "A": 0.5, "alpha": 0.5, "C": 0.3}
    return partial(lf.fit, "annealing", annealing_curve(n), starts=[start], threads=1)


def starts(n, threads=1):
    """Fit from drawn starts, which are run on every k-th point first."""
    return partial(lf.fit, "annealing", annealing_curve(1000), starts=n, threads=threads)


def powers(parameters):
    """Fit a floor and a power of each column, two parameters a column."""
    rng, columns = np.random.default_rng(0), (parameters - 1) // 2
    x = np.exp(rng.uniform(0, 5, (columns, 2000)))
    exponents = np.linspace(0.3, 0.9, columns)
    terms = [f"a{k} * x{k}**-b{k}" for k in range(columns)]
    names = ["e", *(f"{letter}{k}" for k in range(columns) for letter in "ab")]
    law = lf.Law("powers", " + ".join(["e", *terms]), dict.fromkeys(names, lf.Parameter(0)))
    loss = 1 + np.sum(x ** -exponents[:, None], axis=0)
    table = {f"x{k}": x[k] for k in range(columns)}
    table["loss"] = loss * np.exp(1e-3 * rng.standard_normal(2000))
    start = {"e": 0.8} | {f"a{k}": 0.8 for k in range(columns)}
    start |= {f"b{k}": 0.8 * b for k, b in enumerate(exponents)}
    return partial(lf.fit, law, table, starts=[start], threads=1)


def groups(n, threads=1):
    rng, points = np.random.default_rng(0), 40
    x, g = np.tile(np.geomspace(1e3, 1e6, points), n), np.repeat(np.arange(n), points)
    y = (1 + 0.01 * g) + (2 + 0.01 * g) * x**-0.3
    table = {"x": x, "g": g, "y": y * np.exp(1e-3 * rng.standard_normal(x.size))}
    return partial(lf.fit, "power", table, by="g", shared=["b"], threads=threads)


def series(quick):
    def sizes(low, high, count):
        return np.unique(np.geomspace(low, high, count // 2 if quick else count).astype(int))

    def of(make, numbers):
        return {int(n): make(int(n)) for n in numbers}

    largest = 30_000 if quick else 1_000_000
    return [
        Series("chinchilla from one start", "points", of(chinchilla, sizes(100, largest, 14))),
        Series("annealing from one start", "points", of(annealing, sizes(100, largest, 14))),
        Series("annealing, 1000 points", "starts", of(starts, sizes(8, 8192, 12))),
        Series("sum of powers, 2000 points", "parameters", of(powers, range(3, 32, 4))),
        Series(
            "power law, 40 points each", "groups", of(groups, sizes(4, 200 if quick else 1000, 10))
        ),
    ]


def thread_series(quick):
    given, many = (100, 100) if quick else (400, 400)
    jobs = {
        "annealing, 1000 drawn starts": partial(starts, 1000),
        f"chinchilla, {given} given starts": partial(chinchilla, 2000, given),
        f"power law, {many} groups": partial(groups, many),
    }
    numbers = sorted({1, 2, os.cpu_count() or 1})
    return [
        Series(name, "threads", {n: make(threads=n) for n in numbers}, time.perf_counter)
        for name, make in jobs.items()
    ]


def draw(found, threads, path):
    from matplotlib.figure import Figure  # noqa: PLC0415 - only a picture needs it

    axes = ["points", "starts", "parameters", "groups"]
    figure = Figure(figsize=(15, 3.4), layout="constrained")
    panels = figure.subplots(1, 5)
    for one, growth in found:
        panel = panels[axes.index(one.axis)]
        (dots,) = panel.loglog(one.seconds.keys(), one.seconds.values(), "o", ms=4)
        n = np.geomspace(min(one.seconds), max(one.seconds), 100)
        label = f"{one.name}: $n^{{{growth.params['k']:.2f}}}$"
        panel.loglog(n, growth.predict({"n": n}), color=dots.get_color(), label=label)
        panel.set(xlabel=one.axis)
        if one.axis == "parameters":  # less than a decade
            ticks = [3, 7, 15, 31]
            panel.set_xticks(ticks, [str(tick) for tick in ticks])
            panel.minorticks_off()
            panel.set_yticks([1e-3, 1e-2])
    for one in threads:
        alone = one.seconds[1]
        speed = [alone / taken for taken in one.seconds.values()]
        panels[4].plot(list(one.seconds), speed, "o-", label=one.name)
    panels[4].plot(list(threads[0].seconds), list(threads[0].seconds), ":", color="gray")
    panels[4].set(xlabel="threads", ylabel="times as fast as one", xticks=list(threads[0].seconds))
    panels[0].set(ylabel="seconds")
    for panel in panels:
        panel.legend(fontsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller and fewer jobs")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="where to draw the times")
    given = parser.parse_args()
    print(lf.build_info())
    curves, threads = series(given.quick), thread_series(given.quick)
    for _ in range(4 if given.quick else 8):  # the first warms
        for one in curves + threads:
            one.run()
    print("seconds = a + b*n**k")
    found = [(one, one.growth()) for one in curves]
    for one, growth in found:
        low, high = growth.conf_int()["k"]
        least, most = min(one.seconds), max(one.seconds)
        print(
            f"  {one.axis:11} {one.name:28} k {growth.params['k']:.3f} ({low:.3f} to {high:.3f})"
            f"  a {1e3 * growth.params['a']:.3f} ms"
            f"  from {1e3 * one.seconds[least]:.3f} ms at {least:,}"
            f" to {1e3 * one.seconds[most]:.3f} ms at {most:,}"
        )
    for one in threads:
        times = "  ".join(
            f"{n}: {1e3 * taken:.1f} ms ({one.seconds[1] / taken:.2f}x)"
            for n, taken in one.seconds.items()
        )
        print(f"  threads     {one.name:28} {times}")
    if given.picture:
        draw(found, threads, given.picture)


if __name__ == "__main__":
    main()
