"""One thread on one CPU for everything, before anything that starts threads is imported."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def one() -> None:
    """Ask libraries for one thread, and pin the process where that can be done."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if CPUS:
        os.sched_setaffinity(0, CPUS[-1:])


@contextmanager
def on(cpus: int) -> Iterator[None]:
    """Let a pinned process have more CPUs for a while."""
    if cpus == 1 or not CPUS:
        yield
        return
    held = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CPUS[:cpus])
    try:
        yield
    finally:
        os.sched_setaffinity(0, held)
