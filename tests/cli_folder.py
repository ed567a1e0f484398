"""Folders in which the examples of the command line run, and the command itself."""

import shutil
import subprocess
import sys
from importlib import resources

import numpy as np

import lawfit as lf

FITTED = ("constant_4000", "cosine_4000")
RUN = "import sys; from lawfit.cli import main; sys.exit(main())"


def fill(folder, size=25152):
    """Put sample runs in a folder as `runs/`, another as `run.csv`, and fits of tables."""
    samples = resources.files("lawfit.samples") / str(size)
    (folder / "runs").mkdir()
    for name in FITTED:
        with resources.as_file(samples / f"{name}.csv") as path:
            shutil.copy(path, folder / "runs")
    with resources.as_file(samples / "wsd_4000.csv") as path:
        shutil.copy(path, folder / "run.csv")
    usual = lf.fit("annealing", lf.read_curves(folder / "runs"), fixed={"lam": 0.995})
    (folder / "other_fit.json").write_text(usual.to_json())
    (folder / "sizes.json").write_text(sizes().to_json())
    (folder / "power.json").write_text(power(3.0, 0.5).to_json())
    (folder / "other.json").write_text(power(30.0, 1.0).to_json())
    return folder


def size_table():
    """Return losses of models of several sizes and data, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 36)
    n, d = (
        axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(1e9, 1e11, 6))
    )
    return {"N": n, "D": d, "loss": (1.7 + 400 * n**-0.34 + 410 * d**-0.28) * np.exp(noise)}


def write_csv(path, table):
    """Write columns as they are, every digit of them."""
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    lines = [",".join(table), *(",".join(map(repr, row)) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines))


def sizes():
    """Return a fit of Chinchilla's law."""
    return lf.fit("chinchilla", size_table())


def power(a, b):
    """Return a fit of a power law with a little noise."""
    x = np.geomspace(1, 1e4, 30)
    noise = np.random.default_rng(1).normal(0, 1e-4, 30)
    return lf.fit("power", {"x": x, "y": (a * x**-b + 1.0) * np.exp(noise)})


def start(*arguments, code=RUN, **options):
    """Run the command in a process of its own."""
    how = {"capture_output": True, "text": True, "timeout": 120, **options}
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=False, **how)
