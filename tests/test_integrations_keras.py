"""The callback for Keras, in runs of a toy model on whichever backend is there."""

import importlib.util
import math
import os
import random
import time
import warnings

import numpy as np
import pytest

import lawfit as lf
from loop_data import FINAL, LOSSES, SCHEDULE, STEPS, keeps_to_a_hundredth

if "KERAS_BACKEND" not in os.environ:  # which Keras looks at when it is imported
    found = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)]
    os.environ["KERAS_BACKEND"] = found[0] if found else "numpy"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras", reason="needs Keras")
from lawfit.integrations.keras import LawfitCallback

pytestmark = [
    # What the frameworks warn of is theirs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
EPOCHS = 4
BATCHES = STEPS // EPOCHS
SIZE = 4  # of a batch


class Planned(keras.optimizers.schedules.LearningRateSchedule):
    """The rates of SCHEDULE."""

    def __call__(self, step):
        rates = keras.ops.convert_to_tensor(SCHEDULE.lr.astype("float32"))
        return keras.ops.take(rates, keras.ops.cast(step, "int32"))


class Toy(keras.Model):
    """The loss of a batch is the mean of its data."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False)

    def call(self, x):
        return x + 0.0 * self.dense(x)


def mean(_, found):
    return keras.ops.mean(found, axis=-1)


def toy(rate=None, *, optimizer=None, **options):
    model = Toy()
    rate = Planned() if rate is None else rate
    optimizer = keras.optimizers.SGD(rate, **options) if optimizer is None else optimizer
    model.compile(optimizer=optimizer, loss=mean)
    return model


def data(losses, size=SIZE):
    x = np.repeat(np.asarray(losses, dtype="float32"), size)[:, None]
    return x, x


def fit(model, callback, *others, losses=LOSSES, epochs=EPOCHS, **options):
    """Train; batch b of epoch e has the loss losses[e·BATCHES + b]."""

    def batches():
        for loss in losses[options.get("initial_epoch", 0) * BATCHES :]:
            yield data([loss])
        while True:  # Keras reads ahead
            yield data([0.0])

    return model.fit(
        batches(),
        steps_per_epoch=BATCHES,
        epochs=epochs,
        callbacks=[callback, *others],
        verbose=0,
        **options,
    )


def eager(**options):
    """Return a callback that looks at every point, whatever that takes."""
    return LawfitCallback(**({"every": 1, "share": 1.0, "time_budget": 60.0} | options))


def kept(epochs=range(EPOCHS), batches=BATCHES):
    """Return the steps that have points: the last batch of an epoch may be smaller than others."""
    return [e * batches + b for e in epochs for b in range(batches - 1)]


def test_points_are_the_losses_of_batches(tmp_path):
    callback = eager(skip_steps=0)
    fit(toy(), callback)
    curve = callback.tracker.forecaster.curve
    assert curve.steps.tolist() == kept()
    np.testing.assert_allclose(curve.loss, LOSSES[kept()], rtol=2e-5)  # means of up to 50 floats
    np.testing.assert_allclose(callback.tracker.forecaster.schedule.lr, SCHEDULE.lr, rtol=1e-6)


def test_forecasts_are_in_the_history_and_the_callbacks_own():
    callback = eager(every=20)
    history = fit(toy(), callback).history
    assert FINAL | {"lawfit/anomaly", "loss"} <= set(history)
    for name in FINAL:
        assert len(history[name]) == EPOCHS
        assert history[name][-1] == callback.history[name][-1]
        assert math.isnan(history[name][0])  # the decay is yet to come
    last = callback.tracker.forecast
    assert history["lawfit/final_loss"][-1] == last.loss
    assert last.lower < last.loss < last.upper
    assert last.loss == pytest.approx(LOSSES[-1], rel=0.01)
    assert callback.history["step"][-1] == STEPS - 1
    assert len(callback.history["step"]) >= 8
    assert {len(values) for values in callback.history.values()} == {len(callback.history["step"])}


def test_a_run_gives_it_a_hundredth_of_its_time():
    class Slow(keras.callbacks.Callback):
        async_safe = True

        def on_train_batch_begin(self, batch, logs=None):
            time.sleep(0.03)

    def once():
        callback = LawfitCallback(every=50)
        fit(toy(0.1), callback, Slow())
        return callback.tracker

    assert keeps_to_a_hundredth(once)


def test_long_epochs_are_read_in_windows():
    losses = np.linspace(3.0, 2.0, STEPS)
    callback = eager(window=7, skip_steps=0)
    fit(toy(), callback, losses=losses)
    # 7 whole windows of an epoch's 50 batches
    curve = callback.tracker.forecaster.curve
    centres = [e * BATCHES + w * 7 + 3 for e in range(EPOCHS) for w in range(7)]
    assert curve.steps.tolist() == centres
    np.testing.assert_allclose(curve.loss, losses[centres], rtol=2e-5)


def test_windows_keep_rounding_out():
    batches = 30_000
    noise = np.random.default_rng(0).normal(0, 0.3, batches)
    losses = 2.5 + noise
    callback = eager(skip_steps=0)
    callback.set_params({"epochs": 1, "steps": batches})
    callback.set_model(toy(0.1))
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    total = np.float32(0.0)  # as Keras adds them up
    for batch, loss in enumerate(losses.astype("float32")):
        total += loss
        mean = np.float32(total / np.float32(batch + 1))
        callback.on_train_batch_end(batch, {"loss": float(mean)})
    callback.on_epoch_end(0, {})
    curve = callback.tracker.forecaster.curve
    assert len(curve) == batches // 30 - 1
    expected = [losses[s - 14 : s + 16].mean() for s in curve.steps]
    off = curve.loss / expected - 1
    assert np.sqrt(np.mean(off**2)) < 1.5e-4
    assert np.abs(off).max() < 5e-4  # single batches would be off by up to 5e-3


def test_the_last_batch_of_an_epoch_may_be_smaller():
    losses = LOSSES[:10].astype("float32")
    x = np.append(np.repeat(losses, 4), np.float32(100.0))[:, None]
    callback = eager(skip_steps=0)
    toy().fit(x, x, batch_size=4, epochs=2, callbacks=[callback], verbose=0, shuffle=False)
    curve = callback.tracker.forecaster.curve
    assert curve.steps.tolist() == kept(range(2), 11)
    np.testing.assert_allclose(curve.loss, [*losses, *losses], rtol=1e-5)


def test_an_epoch_of_one_batch_has_its_loss():
    callback = eager(skip_steps=0)
    curve = drive(callback, LOSSES[:20], 1)
    np.testing.assert_array_equal(curve.steps, range(20))
    np.testing.assert_array_equal(curve.loss, LOSSES[:20])


def drive(callback, losses, batches, shuffled=False):
    """Do what Keras does, in epochs of so many batches, some of them out of order."""
    callback.set_params({"epochs": len(losses) // batches, "steps": batches})
    callback.set_model(toy())
    callback.on_train_begin()
    for epoch in range(len(losses) // batches):
        of_epoch = losses[epoch * batches :][:batches]
        means = np.cumsum(of_epoch) / np.arange(1, batches + 1)
        callback.on_epoch_begin(epoch)
        for first in range(0, batches, 10):
            order = list(range(first, min(first + 10, batches)))
            if shuffled:
                random.Random(first).shuffle(order)
            for batch in order[:7]:
                callback.on_train_batch_end(batch, {"loss": float(means[batch])})
            callback.on_train_batch_begin(order[-1] + 1)  # with some still to come
            for batch in order[7:]:
                callback.on_train_batch_end(batch, {"loss": float(means[batch])})
        callback.on_epoch_end(epoch, {})
    return callback.tracker.forecaster.curve


def test_batches_may_arrive_in_any_order():
    losses = np.linspace(3.0, 2.0, 100)
    curve = drive(eager(skip_steps=0), losses, 100, shuffled=True)
    assert curve.steps.tolist() == list(range(99))
    np.testing.assert_allclose(curve.loss, losses[:99], rtol=1e-12)


def test_updates_out_of_several_batches():
    losses = np.linspace(3.0, 2.0, STEPS)
    cosine = keras.optimizers.schedules.CosineDecay(1.0, STEPS)
    callback = eager(skip_steps=0)
    model = toy(cosine, gradient_accumulation_steps=5)
    fit(model, callback, losses=losses)
    forecaster = callback.tracker.forecaster
    assert forecaster.schedule.steps == STEPS // 5
    made = [float(cosine(batch)) for batch in range(4, STEPS, 5)]
    np.testing.assert_allclose(forecaster.schedule.lr, made, rtol=1e-4)
    assert set(range(8)) <= set(forecaster.curve.steps.tolist()) <= set(range(STEPS // 5))
    np.testing.assert_allclose(
        forecaster.curve.loss, losses[5 * forecaster.curve.steps + 2], rtol=2e-3
    )


def test_a_rate_that_another_callback_changes():
    callback = eager()
    rates = [0.5, 0.25, 0.25, 0.125]
    change = keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    model = toy(0.5)
    fit(model, callback, change)
    taken = callback.tracker.forecaster.schedule
    np.testing.assert_array_equal(taken.lr, np.repeat(rates, BATCHES))


def test_a_second_fit_goes_on():
    model, first = toy(), eager(skip_steps=0)
    fit(model, first, epochs=2)
    second = eager(skip_steps=0, schedule=SCHEDULE)
    second.load_state_dict(first.state_dict())
    fit(model, second, epochs=4, initial_epoch=2)
    curve = second.tracker.forecaster.curve
    assert curve.steps.tolist() == kept()
    np.testing.assert_allclose(curve.loss, LOSSES[kept()], rtol=2e-5)
    assert second.tracker.forecaster.schedule.steps == STEPS
    whole = eager(skip_steps=0)
    fit(toy(), whole)
    assert second.tracker.forecast.loss == pytest.approx(whole.tracker.forecast.loss, rel=1e-3)


def test_a_nan_hides_the_rest_of_its_epoch():
    losses = LOSSES.copy()
    losses[60] = np.nan
    callback = eager(skip_steps=0)
    curve = drive(callback, losses, BATCHES)
    assert curve.steps.tolist() == [s for s in kept() if not 60 <= s < 100]
    assert callback.tracker.forecaster.skipped == 39
    assert callback.tracker.error is None


def test_a_run_that_is_stopped_ends_with_a_forecast():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    callback = eager(every=STEPS)
    history = fit(toy(), callback, Stop()).history
    assert len(history["lawfit/final_loss"]) == 3
    assert callback.history["step"] == [149]
    assert callback.tracker.forecaster.n == len([s for s in kept(range(3)) if s >= 10])


@pytest.mark.parametrize("place", ["_plan", "_follow", "_end"])
def test_an_error_is_one_warning_and_the_run_goes_on(monkeypatch, place):
    def fail(*_):
        raise RuntimeError("no fit today")

    monkeypatch.setattr(LawfitCallback, place, fail)
    with pytest.warns(RuntimeWarning, match="no fit today") as caught:
        history = fit(toy(), callback := eager()).history
    assert len([w for w in caught if "lawfit" in str(w.message)]) == 1
    assert len(history["loss"]) == EPOCHS
    assert len(history["lawfit/final_loss"]) == EPOCHS  # all NaN, or as far as it came
    assert "no fit today" in str(callback.tracker.error)
    with pytest.raises(RuntimeError, match="no fit today"):
        fit(toy(), eager(on_error="raise"))


def test_a_run_of_unknown_length():
    def batches():
        yield from (data([loss]) for loss in LOSSES[:BATCHES])

    with pytest.warns(RuntimeWarning, match="how many batches an epoch has is not known; give st"):
        toy().fit(batches(), epochs=1, callbacks=[eager()], verbose=0)
    callback = eager(steps=BATCHES, skip_steps=0)
    toy().fit(batches(), epochs=1, callbacks=[callback], verbose=0)
    assert callback.tracker.forecaster.curve.steps.tolist() == list(range(BATCHES - 1))


def test_losses_of_ones_own_train_step():
    callback = eager(running_mean=False, skip_steps=0)
    callback.set_params({"epochs": 1, "steps": 20})
    callback.set_model(toy())
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    for batch in range(20):
        callback.on_train_batch_begin(batch)
        callback.on_train_batch_end(batch, {"loss": float(LOSSES[batch])})
    callback.on_epoch_end(0, {})
    np.testing.assert_array_equal(callback.tracker.forecaster.curve.loss, LOSSES[:20])


def test_other_processes_do_nothing():
    callback = eager(main_process=False)
    history = fit(toy(), callback).history
    assert callback.tracker.forecaster is None
    assert all(map(math.isnan, history["lawfit/final_loss"]))


def test_schedules_of_ones_own_come_first():
    callback = eager(schedule=lf.Schedule([0.1] * STEPS), target=3.0, prefix="end/")
    history = fit(toy(), callback).history
    assert callback.tracker.forecaster.schedule == lf.Schedule([0.1] * STEPS)
    assert {"end/final_loss", "end/eta_step"} <= set(history)
