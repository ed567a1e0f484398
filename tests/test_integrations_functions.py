"""Schedules taken from functions of the step, as optax and Keras have them."""

import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf

STEPS = 60


def framework(name):
    """Import a framework, or skip the test; what it warns of on import is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


# optax


@pytest.fixture(name="optax")
def _optax():
    framework("jax")
    return framework("optax")


OPTAX = {
    "constant": lambda o: o.constant_schedule(0.1),
    "linear": lambda o: o.linear_schedule(0.1, 0.01, 40),
    "cosine": lambda o: o.cosine_decay_schedule(0.1, 50, alpha=0.1),
    "warm_up": lambda o: o.warmup_cosine_decay_schedule(0.0, 0.1, 10, 50, 1e-3),
    "exponential": lambda o: o.exponential_decay(0.1, 7, 0.7, transition_begin=5, staircase=True),
    "piecewise": lambda o: o.piecewise_constant_schedule(0.1, {10: 0.5, 33: 0.1}),
    "one_cycle": lambda o: o.cosine_onecycle_schedule(STEPS, 0.1),
    "sgdr": lambda o: o.sgdr_schedule(
        [
            {"init_value": 0, "peak_value": p, "decay_steps": 20, "warmup_steps": 5}
            for p in (0.1, 0.05)
        ]
    ),
    "joined": lambda o: o.join_schedules(
        [o.linear_schedule(0, 0.1, 10), o.constant_schedule(0.1), o.linear_schedule(0.1, 0, 20)],
        [10, 40],
    ),
}


@pytest.mark.parametrize("kind", OPTAX)
def test_schedules_of_optax(optax, kind):
    schedule = OPTAX[kind](optax)
    by_hand = [float(schedule(step)) for step in range(STEPS)]
    taken = lf.Schedule.from_optax(schedule, STEPS)
    np.testing.assert_allclose(taken.lr, by_hand, rtol=1e-5, atol=1e-8)  # float32 of up to 0.1


def test_the_rate_of_a_step_is_the_one_its_update_is_made_with(optax):
    schedule = optax.linear_schedule(0.1, 0.0, STEPS)
    optimizer = optax.sgd(schedule)
    state = optimizer.init(np.zeros(1, dtype=np.float32))
    made = []
    for _ in range(10):
        update, state = optimizer.update(np.ones(1, dtype=np.float32), state)
        made.append(-float(update[0]))
    np.testing.assert_allclose(lf.Schedule.from_optax(schedule, STEPS).lr[:10], made, rtol=1e-6)


def test_plain_functions_and_constants_as_optax_schedules():
    def two_stage(step):
        return 0.1 if step < 30 else 0.01

    np.testing.assert_array_equal(
        lf.Schedule.from_optax(two_stage, STEPS).lr, [0.1] * 30 + [0.01] * 30
    )
    assert lf.Schedule.from_optax(0.1, STEPS) == lf.Schedule([0.1] * STEPS)
    with pytest.raises(ValueError, match=r"optax schedule: lr at step 7 is -1"):
        lf.Schedule.from_optax(lambda step: -1.0 if step == 7 else 1.0, STEPS)
    with pytest.raises(ValueError, match=r"optax schedule: lr at step 7 is nan"):
        lf.Schedule.from_optax(lambda step: np.nan if step == 7 else 1.0, STEPS)
    with pytest.raises(TypeError, match=r"optax schedule: lr at step 0 is None"):
        lf.Schedule.from_optax(lambda step: None, STEPS)
    with pytest.raises(ValueError, match="no rate for step 3: list index"):
        lf.Schedule.from_optax(lambda step: [1.0, 1.0, 1.0][int(step)], STEPS)
    with pytest.raises(TypeError, match="optax schedule: lr is 'cosine'"):
        lf.Schedule.from_optax("cosine", STEPS)
    with pytest.raises(ValueError, match="steps is 0"):
        lf.Schedule.from_optax(0.1, 0)


# Keras, whose backend is chosen once a process: the other ones are tried in their own


KERAS = {
    "cosine": lambda s: s.CosineDecay(0.1, 40, alpha=0.1),
    "warm_up": lambda s: s.CosineDecay(0.0, 40, warmup_target=0.1, warmup_steps=10),
    "restarts": lambda s: s.CosineDecayRestarts(0.1, 10),
    "exponential": lambda s: s.ExponentialDecay(0.1, 7, 0.7, staircase=True),
    "inverse_time": lambda s: s.InverseTimeDecay(0.1, 10, 0.5),
    "piecewise": lambda s: s.PiecewiseConstantDecay([10, 33], [0.1, 0.05, 0.01]),
    "polynomial": lambda s: s.PolynomialDecay(0.1, 30, 0.01, power=2.0, cycle=True),
}


def check_keras():
    """Compare all schedules of Keras with calling them step by step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = importlib.import_module("keras")
    schedules = keras.optimizers.schedules
    for make in KERAS.values():
        schedule = make(schedules)
        some = [0, 9, 10, 34, STEPS - 1]
        by_hand = [float(schedule(step)) for step in some]
        taken = lf.Schedule.from_keras(schedule, STEPS)
        np.testing.assert_allclose(taken.at(some), by_hand, rtol=1e-5, atol=1e-9)

    class Own(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 if step < 30 else 0.1 / (float(step) - 28)

    expected = [0.1] * 30 + [0.1 / (step - 28) for step in range(30, STEPS)]
    np.testing.assert_allclose(lf.Schedule.from_keras(Own(), STEPS).lr, expected)
    assert lf.Schedule.from_keras(0.1, STEPS) == lf.Schedule([0.1] * STEPS)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_schedules_of_keras(backend):
    for needed in ("keras", backend):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    code = "import test_integrations_functions as t; t.check_keras()"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_lawfit_imports_no_framework():
    code = (
        "import sys, lawfit.integrations.schedules; "
        "print([n for n in ('torch', 'jax', 'keras', 'optax', 'transformers') if n in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
