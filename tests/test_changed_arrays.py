"""Arrays that another thread changes all the while: lawfit works on copies that it has checked."""

import contextlib
import threading

import numpy as np
import pytest

import lawfit as lf
from fit_data import NOISY, bits


@contextlib.contextmanager
def scribbled(arrays, values):
    """Write `values` all over `arrays`, again and again, until the block is left."""
    began, over = threading.Event(), threading.Event()

    def scribble():
        while not over.is_set():
            for value in values:
                for array in arrays:
                    array[:] = value
            began.set()

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        assert began.wait(20)
        yield
    finally:
        over.set()
        thread.join()


def copy_of(data):
    return {name: np.array(values, dtype=float) for name, values in data.items()}


@pytest.mark.parametrize("threads", [1, 2])
def test_a27_once_read_data_are_out_of_reach(threads):
    alone = lf.fit("power", NOISY, starts=200, threads=threads)
    given = copy_of(NOISY)
    problem = lf.Problem("power", given)
    with scribbled(given.values(), [np.nan, -1.0]):
        assert bits(problem.fit(starts=200, threads=threads)) == bits(alone)


def test_a27_a_schedule_and_a_curve_once_made_are_out_of_reach():
    lr = np.concatenate([np.full(1000, 1e-3), np.linspace(1e-3, 1e-5, 500)])
    steps = np.arange(100, 1500, 7)
    s1 = np.cumsum(lr)[steps]
    loss = 2.5 + 0.45 * s1**-0.5
    arrays = [lr, steps, loss]
    curve = lf.Curve(steps, loss, lf.Schedule(lr))
    alone = bits(lf.fit("annealing", curve, starts=20))
    with scribbled(arrays, [0, 7]):
        assert bits(lf.fit("annealing", curve, starts=20, threads=2)) == alone


# Which values a fit reads is up to chance; that none of them slips by the checks is not.
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a27_data_are_checked_as_they_are_used(wrong):
    given = copy_of(NOISY)
    with scribbled(given.values(), [wrong, 2.0]):
        for _ in range(200):
            try:
                fit = lf.fit("power", given, starts={"a": 1.0, "b": 0.5, "c": 1.0})
            except ValueError as refusal:
                assert "data: " in str(refusal)  # noqa: PT017
            else:
                assert np.isfinite([*fit.params.values(), fit.objective]).all()
