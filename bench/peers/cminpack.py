"""cminpack's lmder with objective and Jacobian in C, built here when the bench runs."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from bench.peers.problems import DELTA, Floats, Problem
from bench.peers.solver import MissingPeerError, Prepare, Run, Solver

SOURCE = Path(__file__).with_name("cminpack_peer.c")
LAWS = {"chinchilla": 0, "annealing": 1}
PLAIN = ("-O3",)
# Vector exp and log of libmvec, and the machine's own instructions.
FAST = ("-O3", "-march=native", "-ffast-math")


@cache
def compiler() -> list[str]:
    """The C compiler's command."""
    command = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(command[0]) is None:
        raise MissingPeerError(f"no C compiler: {command[0]}")
    return command


@cache
def library(flags: tuple[str, ...]) -> ctypes.CDLL:
    """The peer built with these flags and loaded; its files are gone again afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "peer.so"
        link = ["-shared", "-fPIC", "-I/usr/include/cminpack-1", "-o", str(built), str(SOURCE)]
        command = [*compiler(), *flags, *link, "-lcminpack", "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = next((s for s in done.stderr.splitlines() if "error" in s), done.stderr)
            raise MissingPeerError(f"cminpack does not build: {reason.strip()}")
        loaded = ctypes.CDLL(str(built))
    loaded.peer_solve.restype = ctypes.c_long
    return loaded


def pointer(array: Floats | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


def preparer(flags: tuple[str, ...], tolerance: float, *, simple: bool) -> Prepare:
    """How to build a run: lmder1 as it comes if simple, else lmder to the tolerance."""
    solve = library(flags).peer_solve

    def prepare(problem: Problem) -> Run:
        columns = [np.ascontiguousarray(c) for c in (problem.x1, problem.x2, problem.log_y)]
        root = None if problem.weights is None else np.sqrt(problem.weights)
        held = [*map(pointer, columns), pointer(root)]
        law, n = LAWS[problem.KIND], problem.n

        def run(starts: Floats) -> Floats:
            ends = np.array(starts, dtype=np.float64, order="C")
            delta, tol = ctypes.c_double(DELTA), ctypes.c_double(tolerance)
            done = solve(
                law, n, *held, delta, len(ends), pointer(ends), int(simple), tol, MOST_EVALUATIONS
            )
            if done < 0:
                raise MemoryError("cminpack's work space")
            return ends

        # The columns live as long as the run does.
        run.columns = (*columns, root)  # type: ignore[attr-defined]
        return run

    return prepare


MOST_EVALUATIONS = 1000  # more solve no further start of the grid


def solvers() -> list[Solver]:
    """lmder1 as it comes, and lmder: to an objective within 1e-9, and to rounding."""
    usual = float(np.sqrt(np.finfo(float).eps))
    flags = " ".join(FAST)
    return [
        Solver(
            "cminpack", "default", "lmder1, tol 1.5e-8, -O3", preparer(PLAIN, usual, simple=True)
        ),
        Solver(
            "cminpack",
            "tuned",
            f"lmder, ftol = xtol = 1e-10, {flags}",
            preparer(FAST, 1e-10, simple=False),
            centred=True,
        ),
        Solver(
            "cminpack",
            "tight",
            f"lmder, ftol = xtol = 1e-15, {flags}",
            preparer(FAST, 1e-15, simple=False),
            centred=True,
        ),
        Solver(
            "cminpack",
            "tight, libm",
            "lmder, ftol = xtol = 1e-15, -O3",
            preparer(PLAIN, 1e-15, simple=False),
            centred=True,
        ),
    ]
