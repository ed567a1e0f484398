"""Time reading a CSV of a million rows beside polars' own read of the same file.

    python bench/reader_tables.py [--rows 1000000] [--repeats 11]

Prints the least and the median wall time and CPU time of each, taken in turns, and their ratios:
steps, learning rates and losses as Python writes them, read into float64 columns by both. The curve
that `read_curves` makes of them is timed too: restarts, the rate of every step, spikes.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import lawfit as lf
from lawfit.io.tables import read_tables


def write_table(path, rows):
    """Write a log of so many rows."""
    rng = np.random.default_rng(0)
    rates = 3e-4 * (1 + np.cos(np.linspace(0, np.pi, rows)))
    losses = 2 + rng.random(rows)
    with path.open("w") as file:
        file.write("step,lr,loss\n")
        rows = zip(rates.tolist(), losses.tolist(), strict=True)
        file.writelines(f"{k},{lr!r},{loss!r}\n" for k, (lr, loss) in enumerate(rows))


def timed(work):
    """Return wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write_table(path, options.rows)
        works = {
            "lawfit": lambda: read_tables(path),
            "polars": lambda: pl.read_csv(path),
            "as a curve": lambda: lf.read_curves(path),
        }
        np.testing.assert_array_equal(
            works["lawfit"]()[0].columns["loss"], works["polars"]()["loss"].to_numpy()
        )
        times = {name: [] for name in works}
        for _ in range(options.repeats):
            for name, work in works.items():
                times[name].append(timed(work))
        print(f"{options.rows} rows, {path.stat().st_size / 1e6:.1f} MB")
    found = {}
    for name, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        found[name] = [f(x) for x in (wall, cpu) for f in (min, statistics.median)]
        least, median, cpu_least, cpu_median = (1e3 * x for x in found[name])
        print(
            f"{name}: wall {least:.0f} ms (median {median:.0f}), "
            f"CPU {cpu_least:.0f} ms (median {cpu_median:.0f})"
        )
    ratios = [a / b for a, b in zip(found["lawfit"], found["polars"], strict=True)]
    print("ratio: wall {:.2f} (median {:.2f}), CPU {:.2f} (median {:.2f})".format(*ratios))


if __name__ == "__main__":
    main()
