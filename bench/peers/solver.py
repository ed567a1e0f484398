"""What a peer is to the bench: a way to minimise a problem from starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bench.peers.problems import Floats, Problem

# Takes starts of shape (k, parameters) and returns where each ended.
Run = Callable[[Floats], Floats]
Prepare = Callable[[Problem], Run]


class MissingPeerError(Exception):
    """A peer cannot be run here; the message is the reason."""


@contextmanager
def importing(name: str) -> Iterator[None]:
    """Say which package a module of peers lacks."""
    try:
        yield
    except ImportError as error:
        raise MissingPeerError(f"{name} does not import: {error}") from error


@dataclass(frozen=True)
class Solver:
    """A peer in one setting: "default" is what a call without options does, "tuned" its best."""

    peer: str
    setting: str
    about: str
    prepare: Prepare
    centred: bool = False
    slow: bool = False  # timed on the smaller subset of starts
    weights: bool = True  # takes weighted rows
    grows: bool = True  # takes one row more without building anything anew

    def view(self, problem: Problem) -> Problem:
        return problem.centred() if self.centred else problem


def each(solve: Callable[[Floats], Floats]) -> Run:
    """Run a solver of one start over all; where it raises, the start counts as a failure."""

    def run(starts: Floats) -> Floats:
        ends = np.full_like(starts, np.nan)
        for i, start in enumerate(starts):
            try:
                ends[i] = solve(start)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
        return ends

    return run
