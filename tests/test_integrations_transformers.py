"""The callback for transformers' Trainer, in runs of a toy model."""

import json
import math
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import lawfit as lf
from lawfit.integrations import Tracker
from loop_data import FINAL, keeps_to_a_hundredth

torch = pytest.importorskip("torch", reason="needs PyTorch")
transformers = pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("accelerate", reason="transformers' Trainer needs accelerate")

from lawfit.integrations.transformers import LawfitCallback  # noqa: E402

STEPS = 200
pytestmark = [
    # What the frameworks warn of is theirs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning"),
]


SCHEDULE = lf.schedules.cosine(steps=STEPS, peak=0.5, warmup=10)
LOSSES = lf.predict(
    "annealing",
    {"L0": 2.0, "A": 3.0, "alpha": 0.5, "C": 0.02, "lam": 0.999},
    SCHEDULE,
    range(STEPS),
) * np.exp(np.random.default_rng(0).normal(0, 1e-3, STEPS))


class Toy(torch.nn.Module):
    """Has a loss as real runs have, whatever it learns; a step takes `seconds`."""

    def __init__(self, seconds=0.0):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(64))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.seconds = seconds

    def forward(self, x, labels=None):
        time.sleep(self.seconds)
        loss = LOSSES[min(int(self.calls), STEPS - 1)]
        self.calls += self.training
        return {"loss": loss + (0.0 * self.weights).sum(), "logits": x}


DATA = [{"x": x, "labels": x[:1]} for x in torch.zeros(4096, 8)]


class Seen(transformers.TrainerCallback):
    """What callbacks that run after others are shown."""

    def __init__(self):
        self.logs = []

    def on_log(self, args, state, control, logs=None, **_):
        self.logs.append(dict(logs))


def arguments(folder, **options):
    return transformers.TrainingArguments(
        **{
            "output_dir": str(folder),
            "max_steps": STEPS,
            "per_device_train_batch_size": 4,
            "learning_rate": 0.5,
            "optim": "sgd",
            "lr_scheduler_type": "cosine",
            "warmup_steps": 10,
            "logging_steps": 5,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
        }
        | options
    )


def trainer(folder, *callbacks, model=None, **options):
    return transformers.Trainer(
        model=model or Toy(),
        args=arguments(folder, **options),
        train_dataset=DATA,
        callbacks=list(callbacks),
    )


def eager(**options):
    return LawfitCallback(**({"every": 1, "share": 1.0} | options))


@pytest.fixture
def folder(tmp_path, capsys):
    return tmp_path


def test_it_takes_a_hundredth_of_the_time(folder):
    # What it goes beyond its share by is one report's at most.
    def once():
        callback = LawfitCallback(share=0.005)
        run = trainer(folder, callback, model=Toy(0.02))
        run.train()
        assert run.state.log_history[-1].keys() >= FINAL
        return callback.tracker

    assert keeps_to_a_hundredth(once)


def test_forecasts_are_where_the_loss_is(folder):
    board = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="reads TensorBoard's event files",
    )
    seen = Seen()
    run = trainer(folder, seen, eager(), report_to="tensorboard")
    run.train()
    history = [entry for entry in run.state.log_history if "lawfit/final_loss" in entry]
    assert len([entry for entry in history if "loss" in entry]) > 20
    # The last entry is the run's summary, with what the run ended at.
    assert history[-1]["step"] == STEPS
    assert "train_loss" in history[-1]
    shown = [logs for logs in seen.logs if "lawfit/final_loss" in logs]
    names = [*FINAL, "lawfit/anomaly"]
    assert [[e[n] for n in names] for e in shown] == [[e[n] for n in names] for e in history]
    events = board.EventAccumulator(str(next(folder.rglob("events.out.*"))))
    events.Reload()
    scalars = events.Scalars("train/lawfit/final_loss")
    assert [(e.step, e.value) for e in scalars] == [
        (entry["step"], pytest.approx(entry["lawfit/final_loss"])) for entry in history
    ]


def test_the_forecast_is_that_of_the_logged_points(folder):
    callback = eager()
    run = trainer(folder, callback)
    run.train()
    entries = [e for e in run.state.log_history if "loss" in e]
    schedule = lf.Schedule.from_torch(run.lr_scheduler, STEPS)
    assert callback.tracker.forecaster.schedule == schedule
    forecaster = lf.Forecaster("annealing", schedule)
    # Windows of 5 updates: 0 … 4 has its centre at 2.
    forecaster.update_many([e["step"] - 3 for e in entries], [e["loss"] for e in entries])
    assert callback.tracker.forecaster.curve == forecaster.curve
    assert callback.tracker.forecaster.params == forecaster.params
    for entry in entries:
        assert entry["learning_rate"] == pytest.approx(schedule.lr[entry["step"] - 1])


def test_windows_are_what_was_logged_since(folder):
    callback = eager(skip_steps=0)
    run = trainer(folder, callback, logging_first_step=True, max_steps=24, logging_steps=6)
    run.train()
    # Updates 0; 1 … 5; 6 … 11; 12 … 17; 18 … 23.
    assert callback.tracker.forecaster.curve.steps.tolist() == [0, 3, 8, 14, 20]


class Failing(Tracker):
    def _refit(self):
        raise RuntimeError("no fit today")


def test_an_error_is_one_warning_and_the_run_goes_on(folder, monkeypatch):
    monkeypatch.setattr(Tracker, "_refit", Failing._refit)
    run = trainer(folder, eager())
    with pytest.warns(RuntimeWarning, match="no fit today") as caught:
        run.train()
    assert len([w for w in caught if "lawfit" in str(w.message)]) == 1
    assert run.state.global_step == STEPS
    with pytest.raises(RuntimeError, match="no fit today"):
        trainer(folder, eager(on_error="raise")).train()


def test_losses_that_are_none_are_left_out(folder):
    class Sometimes(Toy):
        def forward(self, x, labels=None):
            found = super().forward(x)
            if self.calls == 58:
                found["loss"] = found["loss"] + math.nan  # and its gradient is as it was
            return found

    callback = eager()
    run = trainer(folder, callback, model=Sometimes(), logging_nan_inf_filter=False, max_steps=80)
    run.train()
    assert callback.tracker.error is None
    # The Trainer's sum of losses stays NaN; without its filter that is what it logs from here on.
    assert callback.tracker.forecaster.skipped == 5
    assert callback.tracker.forecaster.n == 9  # of 16 windows, 2 within the warm-up


def test_other_processes_do_nothing(folder):
    callback = eager()
    run = trainer(folder, callback)
    run.is_world_process_zero = lambda: False
    run.train()
    assert callback.tracker.forecaster is None
    assert all("lawfit/final_loss" not in entry for entry in run.state.log_history)


@pytest.mark.parametrize("restore", [True, False])
def test_a_resumed_run_goes_on(folder, restore):
    options = {"save_strategy": "steps", "save_steps": 100, "seed": 1}
    options |= {"restore_callback_states_from_checkpoint": restore}
    whole = eager(fixed={"alpha": 0.5})
    trainer(folder, whole, **options).train()
    checkpoint = folder / "checkpoint-100"
    stored = json.loads((checkpoint / "trainer_state.json").read_text())["stateful_callbacks"]
    assert stored["LawfitCallback"]["args"]["fixed"] == {"alpha": 0.5}
    run = trainer(folder, eager() if restore else eager(fixed={"alpha": 0.5}), **options)
    run.train(resume_from_checkpoint=str(checkpoint))
    (resumed,) = (c for c in run.callback_handler.callbacks if isinstance(c, LawfitCallback))
    assert resumed.tracker.forecaster.curve == whole.tracker.forecaster.curve
    final = whole.tracker.forecast.loss
    assert resumed.tracker.forecast.loss == pytest.approx(final, rel=1e-6)
    assert "lawfit/final_loss" in run.state.log_history[-1]


def test_a_checkpoint_without_the_callback_is_resumed(folder):
    options = {"save_strategy": "steps", "save_steps": 100}
    run = trainer(folder, **options)
    run.train()
    callback = eager()
    resumed = trainer(folder, callback, **options)
    resumed.train(resume_from_checkpoint=str(folder / "checkpoint-100"))
    curve = callback.tracker.forecaster.curve
    assert curve.steps.tolist() == list(range(12, STEPS, 5))
    assert curve.loss.tolist() == [e["loss"] for e in run.state.log_history[2:-1]]


def test_arguments_that_no_checkpoint_holds_are_refused_where_they_are_missed():
    callback = LawfitCallback(lambda step, *, a: a + 0.0 * step, rng=np.int64(3))
    state = callback.state()
    assert json.loads(json.dumps(state))["args"] == {"not_saved": ["rng", "law"]}
    with pytest.raises(ValueError, match=r"could not hold the callback's rng, law; resume with"):
        LawfitCallback(**state["args"])


def test_arguments_come_back_from_a_checkpoint():
    prior = lf.fit("annealing", lf.Curve(range(10, STEPS), LOSSES[10:], SCHEDULE))
    callback = LawfitCallback(
        lf.Law("mine", lf.laws.get("annealing").formula, lf.laws.get("annealing").parameters),
        schedule=SCHEDULE,
        bounds={"C": (0.0, 1.0)},
        target=3.0,
    )
    again = LawfitCallback(**json.loads(json.dumps(callback.state()))["args"])
    assert again.state() == callback.state()
    assert again.tracker.begin().forecaster.schedule == SCHEDULE
    callback = LawfitCallback(prior=prior, early_stop=2, target=1.0)
    again = LawfitCallback(**json.loads(json.dumps(callback.state()))["args"])
    assert again.state() == callback.state()
    assert again.tracker.begin(SCHEDULE).finish() == callback.tracker.begin(SCHEDULE).finish() != {}


def test_another_callback_takes_its_points_from_the_history(folder):
    options = {"save_strategy": "steps", "save_steps": 100}
    trainer(folder, eager(), **options).train()
    # With all the time it wants: no point is left out.
    other = eager(law="multi_power", fixed={"B": 0.0}, every=100, skip_steps=11, time_budget=60.0)
    trainer(folder, other, **options).train(resume_from_checkpoint=str(folder / "checkpoint-100"))
    assert other.tracker.error is None
    assert other.tracker.forecaster.law.name == "multi_power"
    assert other.tracker.forecaster.curve.steps.tolist() == list(range(12, STEPS, 5))


def test_losses_that_others_log_are_not_taken_for_the_trainers(folder):
    class Talkative(transformers.Trainer):
        def compute_loss(self, *arguments, **options):
            if self.state.global_step in (50, 53):
                self.log({"loss": 17.0})
            return super().compute_loss(*arguments, **options)

    callback = eager()
    run = Talkative(
        model=Toy(), args=arguments(folder, max_steps=60), train_dataset=DATA, callbacks=[callback]
    )
    run.train()
    assert callback.tracker.error is None
    assert callback.tracker.forecaster.curve.steps.tolist() == list(range(12, 60, 5))


@pytest.mark.parametrize(("target", "missed"), [(1.0, True), (3.0, False)])
def test_a_run_that_misses_its_target_is_stopped(folder, target, missed):
    callback = eager(target=target, early_stop=2)
    run = trainer(folder, callback)
    run.train()
    assert (run.state.global_step < STEPS) == missed
    beyond = [e for e in run.state.log_history if e.get("lawfit/final_loss_lower", 0) > target]
    assert len([e for e in beyond if "loss" in e]) >= 2 * missed
    assert callback.tracker.out_of_reach >= 2 * missed


@pytest.mark.parametrize("found", [True, False])
def test_all_processes_stop_together(monkeypatch, found):
    """One that the others wait for must not go on, and none may wait for one that stopped."""
    told = []

    def broadcast(flag, src):
        told.append((float(flag), src))
        flag.fill_(float(found))

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "broadcast", broadcast)
    callback = LawfitCallback(target=1.0, early_stop=2)
    state = transformers.TrainerState(is_world_process_zero=False, max_steps=STEPS)
    control = transformers.TrainerControl()
    device = SimpleNamespace(device="cpu")
    callback.on_train_begin(device, state, control)
    for state.global_step in (5, 10):
        callback.on_log(device, state, control, logs={"loss": 2.0, "learning_rate": 0.1})
        callback.on_log(device, state, control, logs={"eval_loss": 2.0})
        assert control.should_training_stop == found
    assert told == [(0.0, 0)] * 2  # once a loss that is logged, in every process


def test_early_stop_needs_a_target():
    with pytest.raises(ValueError, match="early_stop is 3, which needs target and level"):
        LawfitCallback(early_stop=3)
    with pytest.raises(ValueError, match="early_stop is 0"):
        LawfitCallback(early_stop=0, target=2.0)


def test_a_schedule_that_goes_by_the_loss_is_taken_as_it_is_logged(folder):
    callback = eager(skip_steps=0)
    run = transformers.Trainer(
        model=Toy(),
        args=arguments(
            folder,
            lr_scheduler_type="reduce_lr_on_plateau",
            lr_scheduler_kwargs={"mode": "max", "patience": 0, "factor": 0.5},
            warmup_steps=0,
            eval_strategy="steps",
            eval_steps=50,
        ),
        train_dataset=DATA,
        eval_dataset=DATA[:8],
        callbacks=[callback],
    )
    with pytest.warns(RuntimeWarning, match="can't tell the schedule beforehand") as caught:
        run.train()
    assert len([w for w in caught if "lawfit" in str(w.message)]) == 1
    assert callback.tracker.error is None
    lr = callback.tracker.forecaster.schedule.lr
    logged = {e["step"]: e["learning_rate"] for e in run.state.log_history if "loss" in e}
    assert len(set(logged.values())) > 1
    assert {step: lr[step - 1] for step in logged} == logged


def test_it_gives_no_warning_of_its_own(folder):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer(folder, LawfitCallback()).train()
    assert not [w for w in caught if "lawfit" in str(w.message) + w.filename]
