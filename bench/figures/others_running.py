"""How others stand signals, forks, threads and long runs: each in a process of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import Peer

SOURCE = Path(__file__).with_name("naive_openmp.c")
CEILING = 60.0  # seconds to wait for one answer

# What is interrupted: imports, and a call that would take minutes.
INTERRUPTED = {
    "scipy curve_fit, Python law": (
        "scipy",
        "from scipy.optimize import curve_fit\n"
        "x = np.linspace(0.1, 5, 2000)\n"
        "y = np.exp(-x) + 1e-3 * np.sin(99 * x)\n"
        "law = lambda x, a, b: a * np.exp(-b * x)",
        "for _ in range(10**6): curve_fit(law, x, y, (1, 1))",
    ),
    "Ceres, Python law": (
        "pyceres",
        "from bench.figures.fitters import ceres\n"
        "from bench.figures.nist import as_least_squares, nist\n"
        "case = as_least_squares(nist('ENSO'), 0)",
        "for _ in range(10**6): ceres(case)",
    ),
    "numpy svd, native": (
        "numpy",
        "matrix = np.random.default_rng(0).normal(size=(2000, 2000))",
        "np.linalg.svd(matrix)",
    ),
}
LOOP = """
import signal, sys, time
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
{setup}
for _ in range({count}):
    try:
        print("ready", flush=True)
        {call}
        time.sleep(60)
    except KeyboardInterrupt:
        print(time.monotonic(), flush=True)
"""

LEAK = """
import resource
import numpy as np
from scipy.optimize import curve_fit
x = np.linspace(0.1, 5, 50)
y = np.exp(-x) + 1e-3 * np.sin(99 * x)
law = lambda x, a, b: a * np.exp(-b * x)
def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * resource.getpagesize() // 1024
for k in range(22000):
    if k == 2000:
        before = resident()
    curve_fit(law, x, y, (1, 1))
print(resident() - before)
"""


def compiled(argument: str) -> str:
    """What plain OpenMP answers, or an empty string where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "naive"
        build = [compiler, "-O2", "-fopenmp", "-o", str(program), str(SOURCE)]
        if subprocess.run(build, capture_output=True, check=False).returncode:
            return ""
        done = subprocess.run([program, argument], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def bits() -> list[Peer]:
    results = compiled("sum")
    return [Peer("plain OpenMP reduction", f"{results} results of one sum")] if results else []


def forks() -> list[Peer]:
    fork = compiled("fork")
    found = [Peer("plain OpenMP", f"after a fork the {fork}")] if fork else []
    done = subprocess.run([sys.executable, "-c", LEAK], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found.append(Peer("scipy curve_fit", f"RSS {int(done.stdout):+d} KiB over 2e4 fits"))
    return found


def interrupts(count: int) -> list[Peer]:
    """How long after Ctrl-C each gives in: the worst of `count`."""
    found = []
    for name, (module, setup, call) in INTERRUPTED.items():
        delays = _delays(LOOP.format(setup=setup, call=call, count=count), count)
        if delays:
            found.append(Peer(name, f"at most {max(delays) * 1e3:.0f} ms of {len(delays)}"))
        elif module:
            found.append(Peer(name, f"not measured: {module} does not run here"))
    return found


def _delays(code: str, count: int) -> list[float]:
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
    )
    assert child.stdout is not None
    delays = []
    try:
        for _ in range(count):
            if child.stdout.readline() != "ready\n":
                break
            time.sleep(0.25)
            sent = time.monotonic()  # one clock for all processes
            child.send_signal(signal.SIGINT)
            delays.append(float(child.stdout.readline()) - sent)
    finally:
        child.kill()
        child.wait(CEILING)
        child.stdout.close()
    return delays
