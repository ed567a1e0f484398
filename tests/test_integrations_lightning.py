"""The callback for Lightning's Trainer, of both its packages, in runs of a toy model."""

import copy
import csv
import importlib
import pickle
import time
import warnings

import numpy as np
import pytest

import lawfit as lf
from lawfit.integrations import LightningCallback, Tracker
from loop_data import FINAL, LOSSES, SCHEDULE, STEPS, keeps_to_a_hundredth

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytestmark = [
    # What the frameworks warn of is theirs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
BATCHES = 50  # of an epoch


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"], name="pl")
def _pl(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(request.param.partition(".")[0], reason="needs Lightning")
        return importlib.import_module(request.param)


@pytest.fixture(name="one")
def _one():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("lightning.pytorch", reason="needs Lightning")


def planned(optimizer):
    """Return a scheduler that sets the rates of SCHEDULE."""
    rates = [*SCHEDULE.lr.tolist(), 0.0]
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rates[step])


def module(pl, scheduler=planned, *, losses=LOSSES, seconds=0.0, **config):
    """Return a module whose batch b has the loss losses[b]."""

    class Toy(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.weights = torch.nn.Parameter(torch.ones(4))

        def training_step(self, batch, batch_idx):
            time.sleep(seconds)
            at = self.trainer.fit_loop.epoch_loop.total_batch_idx
            return self.weights.sum() * 0.0 + torch.tensor(float(losses[at]), dtype=torch.float64)

        def configure_optimizers(self):
            optimizer = torch.optim.SGD(self.parameters(), lr=1.0, momentum=0.9)
            if scheduler is None:
                return optimizer
            settings = {"scheduler": scheduler(optimizer), "interval": "step"} | config
            return {"optimizer": optimizer, "lr_scheduler": settings}

    return Toy()


def train(pl, folder, toy, *callbacks, checkpoint=None, **options):
    loader = torch.utils.data.DataLoader(torch.zeros(BATCHES, 1))
    trainer = pl.Trainer(
        **{
            "max_epochs": STEPS // BATCHES,
            "callbacks": list(callbacks),
            "logger": False,
            "accelerator": "cpu",
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": folder,
        }
        | options
    )
    trainer.fit(toy, loader, ckpt_path=checkpoint)
    return trainer


def eager(**options):
    """Return a callback that looks at every point, whatever that takes."""
    return LightningCallback(**({"every": 1, "share": 1.0, "time_budget": 60.0} | options))


def same_points(callback, steps=range(STEPS), losses=LOSSES, schedule=SCHEDULE):
    """Say whether the callback has these points, and so the fit that they have by themselves."""
    forecaster = lf.Forecaster("annealing", schedule)
    forecaster.update_many(list(steps), [losses[step] for step in steps])
    found = callback.tracker.forecaster
    assert found.schedule == schedule
    np.testing.assert_array_equal(found.curve.steps, forecaster.curve.steps)
    np.testing.assert_allclose(found.curve.loss, forecaster.curve.loss, rtol=1e-12)
    return True


def test_a_run_gives_it_a_hundredth_of_its_time(one, tmp_path):
    def once():
        callback = LightningCallback(every=50)
        logger = one.loggers.CSVLogger(tmp_path)
        train(one, tmp_path, module(one, seconds=0.03), callback, logger=logger)
        return callback.tracker

    assert keeps_to_a_hundredth(once)


def test_the_forecast_is_logged(pl, tmp_path):
    callback = eager(every=20)
    logger = pl.loggers.CSVLogger(tmp_path)
    trainer = train(pl, tmp_path, module(pl), callback, logger=logger)
    with open(f"{logger.log_dir}/metrics.csv") as file:  # noqa: PTH123 - Lightning's own path
        rows = [row for row in csv.DictReader(file) if row["lawfit/anomaly"]]
    assert FINAL <= set(rows[-1])
    assert [int(row["step"]) for row in rows] == [*range(19, STEPS, 20), STEPS - 1]
    assert rows[0]["lawfit/final_loss"] == ""  # the decay is yet to come
    last = callback.tracker.forecast
    assert float(rows[-1]["lawfit/final_loss"]) == last.loss
    assert last.lower < last.loss < last.upper
    assert last.loss == pytest.approx(LOSSES[-1], rel=0.01)
    assert set(trainer.callback_metrics) >= FINAL
    assert same_points(callback)


def test_one_point_an_update_where_gradients_are_gathered(one, tmp_path):
    losses = np.linspace(3.0, 2.0, 2 * STEPS)
    callback = eager(skip_steps=0)
    toy = module(one, losses=losses)
    # 50 batches an epoch, 4 an update: the 13th of each epoch has 2
    trainer = train(one, tmp_path, toy, callback, accumulate_grad_batches=4)
    assert trainer.global_step == 13 * 4
    updates = [
        losses[e * 50 + i : e * 50 + min(i + 4, 50)] for e in range(4) for i in range(0, 50, 4)
    ]
    curve = callback.tracker.forecaster.curve
    np.testing.assert_array_equal(curve.steps, range(52))
    np.testing.assert_allclose(curve.loss, [update.mean() for update in updates])


@pytest.mark.parametrize(
    ("interval", "frequency", "gathered"),
    [("step", 1, 1), ("step", 3, 1), ("step", 6, 4), ("epoch", 1, 1), ("epoch", 2, 3)],
)
def test_the_schedule_is_what_the_trainer_sets(one, tmp_path, interval, frequency, gathered):
    class Rates(one.Callback):
        def __init__(self):
            self.seen = []

        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            self.seen.append(optimizer.param_groups[0]["lr"])

    def halving(optimizer):
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

    rates, callback = Rates(), eager()
    toy = module(one, halving, interval=interval, frequency=frequency)
    train(one, tmp_path, toy, rates, callback, accumulate_grad_batches=gathered)
    taken = callback.tracker.forecaster.schedule
    np.testing.assert_allclose(taken.lr, rates.seen, rtol=1e-12)
    assert len(set(rates.seen)) > 1


def test_a_constant_rate_and_one_that_follows_the_loss(one, tmp_path):
    callback = eager()
    train(one, tmp_path, module(one, None), callback)
    assert same_points(callback, schedule=lf.Schedule([1.0] * STEPS))

    def plateau(optimizer):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)

    class Monitor(one.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module.log("worse", float(trainer.current_epoch))

    callback = eager()
    toy = module(one, plateau, interval="epoch", monitor="worse", strict=True)
    with pytest.warns(RuntimeWarning, match="can't tell the schedule beforehand .* metrics"):
        train(one, tmp_path, toy, Monitor(), callback)
    expected = lf.Schedule(np.repeat([1.0, 1.0, 0.5, 0.25], BATCHES))
    np.testing.assert_array_equal(callback.tracker.forecaster.schedule.lr, expected.lr)
    assert callback.tracker.error is None


def test_no_loss_is_read_before_a_report_is_due(one, tmp_path, monkeypatch):
    reads = []
    for name in ("item", "tolist", "__float__", "cpu", "numpy"):
        original = getattr(torch.Tensor, name)

        def counted(tensor, *args, original=original, **options):
            reads.append(watching)
            return original(tensor, *args, **options)

        monkeypatch.setattr(torch.Tensor, name, counted)
    watching = False
    callback = eager(every=100)
    inner = callback.on_train_batch_end

    def watched(*args):
        nonlocal watching
        watching = True
        inner(*args)
        watching = False

    callback.on_train_batch_end = watched
    train(one, tmp_path, module(one), callback)
    assert callback.tracker.forecaster.n > 100
    assert 1 <= sum(reads) <= 20  # two reports in 200 updates, and what logging them takes


def test_training_goes_on_from_a_checkpoint(pl, tmp_path):
    whole = eager()
    train(pl, tmp_path, module(pl), whole)
    save = pl.callbacks.ModelCheckpoint(
        dirpath=tmp_path, filename="{step}", every_n_train_steps=75, save_top_k=-1
    )
    first = eager()
    options = {"enable_checkpointing": True}
    train(pl, tmp_path, module(pl), first, save, **options)
    resumed = eager()
    train(pl, tmp_path, module(pl), resumed, checkpoint=tmp_path / "step=75.ckpt")
    assert same_points(resumed)
    np.testing.assert_allclose(
        resumed.tracker.forecast.loss, whole.tracker.forecast.loss, rtol=1e-6
    )


@pytest.mark.parametrize("place", ["_plan", "_follow"])
def test_an_error_is_one_warning_and_the_run_goes_on(one, tmp_path, monkeypatch, place):
    def fail(*_):
        raise RuntimeError("no fit today")

    monkeypatch.setattr(LightningCallback, place, fail)
    with pytest.warns(RuntimeWarning, match="no fit today") as caught:
        trainer = train(one, tmp_path, module(one), callback := eager())
    assert len([w for w in caught if "lawfit" in str(w.message)]) == 1
    assert trainer.global_step == STEPS
    assert "no fit today" in str(callback.tracker.error)
    with pytest.raises(RuntimeError, match="no fit today"):
        train(one, tmp_path, module(one), eager(on_error="raise"))


def test_runs_without_an_end_and_with_two_optimizers_are_refused(one, tmp_path):
    endless = module(one, None, losses=np.ones(10**6))
    limit = {"max_epochs": -1, "max_time": {"seconds": 0.3}}
    with pytest.warns(RuntimeWarning, match="the run has no planned end; give max_steps"):
        train(one, tmp_path, endless, eager(), **limit)

    class Two(one.LightningModule):
        automatic_optimization = False

        def __init__(self):
            super().__init__()
            self.weights = torch.nn.Parameter(torch.ones(4))

        def training_step(self, batch, batch_idx):
            self.optimizers()[0].step()

        def configure_optimizers(self):
            return [torch.optim.SGD(self.parameters(), lr=0.1) for _ in range(2)]

    with pytest.warns(RuntimeWarning, match="the run has 2 optimizers; expected one"):
        train(one, tmp_path, Two(), eager())


def test_manual_optimization(one, tmp_path):
    class Manual(type(module(one))):
        automatic_optimization = False

        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch, batch_idx)
            self.optimizers().step()
            self.lr_schedulers().step()
            return {"loss": loss.detach()}

    callback = eager()
    train(one, tmp_path, Manual(), callback, max_epochs=STEPS // BATCHES)
    assert same_points(callback)


def test_other_processes_do_nothing(one, tmp_path, monkeypatch):
    monkeypatch.setattr(one.Trainer, "is_global_zero", property(lambda _: False))
    callback = eager()
    trainer = train(one, tmp_path, module(one), callback)
    assert callback.tracker.forecaster is None
    assert callback.state_dict()["tracker"] == {}
    assert trainer.callback_metrics == {}


def test_it_is_a_callback_of_the_package_and_can_be_copied(pl):
    class Mine(LightningCallback):
        pass

    for callback in (eager(target=2.0), Mine(every=3)):
        assert isinstance(callback, pl.Callback)
        assert isinstance(callback, LightningCallback)
        assert callback.state_key == type(callback).__qualname__
        twin = copy.deepcopy(callback)
        assert isinstance(twin, pl.Callback)
        assert twin.tracker.every == callback.tracker.every
    plain = pickle.loads(pickle.dumps(eager(target=2.0)))
    assert isinstance(plain, pl.Callback)
    assert plain.tracker.target == 2.0


def test_a_tracker_is_all_that_a_callback_needs():
    assert isinstance(eager().tracker, Tracker)
    with pytest.raises(ValueError, match="law 'anneling' is unknown"):
        LightningCallback("anneling")
    with pytest.raises(ValueError, match="group is -1"):
        LightningCallback(group=-1)
