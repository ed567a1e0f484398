"""Training loops of PyTorch, by hand: forecasts in them, beside workers and other threads."""

import json
import math

import numpy as np
import pytest

import lawfit as lf
from lawfit.integrations import Tracker
from loop_data import FINAL, LOSSES, SCHEDULE, STEPS
from runtime_script import expected_bits, linux, run, run_file

torch = pytest.importorskip("torch", reason="needs PyTorch")

from lawfit.integrations.torch import TorchTracker  # noqa: E402

ALWAYS = {"every": 1, "share": 1.0}


def cosine(steps=STEPS):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-3)


def train(forecast, scheduler, steps, losses=LOSSES):
    """A loop over updates; returns what was reported, by updates done."""
    reports = {}
    for step in steps:
        scheduler.optimizer.step()
        found = forecast.step(torch.tensor(float(losses[step]), requires_grad=True))
        if found:
            reports[forecast.updates] = found
        scheduler.step()
    return reports


def test_a_loop_gets_forecasts_of_its_own_schedule():
    scheduler = cosine()
    forecast = TorchTracker(scheduler, STEPS, **ALWAYS)
    reports = train(forecast, scheduler, range(STEPS))
    forecaster = forecast.tracker.forecaster
    assert forecaster.schedule == lf.Schedule.from_torch(cosine(), STEPS)
    assert forecaster.n == forecast.updates == STEPS
    # float32 losses, as they are
    assert forecaster.curve.loss.tolist() == LOSSES.astype(np.float32).tolist()
    assert reports[STEPS].keys() >= FINAL
    assert forecast.finish() == reports[STEPS]


def test_losses_are_read_together_and_not_before(monkeypatch):
    read, stack = [], torch.stack

    def stacked(losses):
        read.append(len(losses))
        return stack(losses)

    monkeypatch.setattr(torch, "stack", stacked)
    for name in ("item", "tolist", "__float__", "cpu", "numpy"):
        original = getattr(torch.Tensor, name)

        def reading(tensor, *args, original=original, name=name):
            assert tensor.ndim, f"{name} of one loss"
            return original(tensor, *args)

        monkeypatch.setattr(torch.Tensor, name, reading)
    forecast = TorchTracker(cosine(), STEPS, every=50, share=1.0)
    for step in range(STEPS):
        forecast.step(torch.tensor([LOSSES[step]]))  # one element, of any shape
    assert read == [50] * 4


def test_what_is_kept_of_a_loss_is_its_number():
    tracker = Tracker("annealing", SCHEDULE, **ALWAYS).begin()
    buffer = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for step in range(20, 40):
        loss = (buffer + LOSSES[step])[1]
        tracker.observe(step, loss)
        with torch.no_grad():
            loss.zero_()  # as a captured graph writes its outputs anew
    tracker.observe(40, torch.tensor(LOSSES[40], dtype=torch.bfloat16))
    tracker.observe(41, LOSSES[41])
    tracker.finish()
    curve = tracker.forecaster.curve
    assert curve.loss[:20].tolist() == LOSSES[20:40].tolist()
    assert curve.loss[20] == pytest.approx(LOSSES[40], rel=2**-8)
    assert curve.loss[21] == LOSSES[41]


def test_the_users_schedule_goes_first():
    forecast = TorchTracker(cosine(), STEPS, schedule=SCHEDULE)
    assert forecast.tracker.forecaster.schedule == SCHEDULE


def test_a_scheduler_that_can_not_be_told_is_followed():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    with pytest.warns(RuntimeWarning, match="can't tell the schedule beforehand"):
        forecast = TorchTracker(scheduler, STEPS, **ALWAYS)
    for step in range(STEPS):
        optimizer.step()
        forecast.step(float(LOSSES[step]))
        if step in (119, 159):
            scheduler.step(math.inf)
    forecast.finish()
    lr = forecast.tracker.forecaster.schedule.lr
    assert lr.tolist() == [0.1] * 120 + [0.05] * 40 + [0.025] * 40

    with pytest.warns(RuntimeWarning, match="can't tell the schedule beforehand"):
        other = TorchTracker(scheduler, STEPS, **ALWAYS)
    other.load_state_dict(json.loads(json.dumps(forecast.state_dict())))
    other.finish()
    assert other.tracker.error is None
    assert other.tracker.forecaster.curve == forecast.tracker.forecaster.curve


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("split", [True, False])
def test_what_accelerate_makes_of_a_scheduler_is_known(monkeypatch, processes, split):
    accelerate = pytest.importorskip("accelerate", reason="needs accelerate")
    state = accelerate.Accelerator(cpu=True).state
    monkeypatch.setitem(accelerate.PartialState._shared_state, "num_processes", processes)
    schedulers = [
        accelerate.scheduler.AcceleratedScheduler(each, [], split_batches=split)
        for each in (cosine(400), cosine(400))
    ]
    forecast = TorchTracker(schedulers[0], STEPS)
    rates = []
    for _ in range(STEPS):
        rates.append(schedulers[1].get_last_lr()[0])
        schedulers[1].scheduler.optimizer.step()
        schedulers[1].step()
    assert state is not None
    assert forecast.tracker.forecaster.schedule.lr == pytest.approx(rates)


def test_rates_on_a_device_are_not_read_at_every_step():
    class Rate:
        read = 0

        def __float__(self):
            Rate.read += 1
            return 0.1

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    optimizer.param_groups[0]["lr"] = Rate()
    with pytest.warns(RuntimeWarning, match="can't tell the schedule beforehand"):
        forecast = TorchTracker(scheduler, STEPS, every=40, share=1.0)
    for step in range(STEPS):
        forecast.step(float(LOSSES[step]))
    assert Rate.read == 1 + STEPS // 40


def test_a_saved_loop_goes_on():
    scheduler = cosine()
    whole = TorchTracker(scheduler, STEPS, **ALWAYS)
    train(whole, scheduler, range(STEPS))
    scheduler = cosine()
    first = TorchTracker(scheduler, STEPS, **ALWAYS)
    train(first, scheduler, range(90))
    state = json.loads(json.dumps(first.state_dict(), allow_nan=False))
    second = TorchTracker(scheduler, STEPS, **ALWAYS)  # its scheduler was stepped 90 times
    second.load_state_dict(state)
    assert second.updates == 90
    train(second, scheduler, range(90, STEPS))
    assert second.tracker.forecaster.curve == whole.tracker.forecaster.curve
    assert second.tracker.forecast.loss == pytest.approx(whole.tracker.forecast.loss, rel=1e-9)


def test_an_error_is_one_warning_and_the_loop_goes_on():
    scheduler = cosine()
    forecast = TorchTracker(scheduler, STEPS, **ALWAYS)
    vector = torch.ones(2)
    with pytest.warns(RuntimeWarning, match="no more forecasts of this run") as caught:
        forecast.step(vector)
    assert train(forecast, scheduler, range(1, 50)) == {}
    assert len(caught) == 1
    with pytest.raises(RuntimeError):
        TorchTracker(scheduler, STEPS, on_error="raise").step(vector)


def test_the_first_rank_is_the_main_process(monkeypatch):
    scheduler = cosine()
    distributed = torch.distributed
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    for rank in range(2):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        forecast = TorchTracker(scheduler, STEPS, **ALWAYS)
        assert forecast.tracker.main_process == (rank == 0)
        forecast.step(torch.tensor(2.0))
        assert forecast.updates == 1
    assert forecast.state_dict()["tracker"] == {}


@linux
def test_workers_that_are_forked_come_back():
    # Each epoch forks its workers anew, between refits that may have opened threads.
    done = run(
        """
        import torch
        from torch.utils.data import DataLoader
        from lawfit.integrations.torch import TorchTracker
        from loop_data import LOSSES, STEPS
        lf.fit("annealing", problem())  # threads, before the first fork
        loader = DataLoader(
            torch.tensor(LOSSES), batch_size=50, num_workers=2, multiprocessing_context="fork"
        )
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        forecast = TorchTracker(scheduler, STEPS, every=1, share=1.0)
        reports = 0
        for epoch in range(50):
            for batch in loader:
                optimizer.step()
                reports += bool(forecast.step(torch.tensor(LOSSES[forecast.updates])))
                scheduler.step()
        print(forecast.updates, reports > 150, forecast.tracker.error)
        """,
    )
    assert done == ["200", "True", "None"]


ORDER = """
import {first}
import {second}
import lawfit as lf, torch
from runtime_problem import bits
before = torch.get_num_threads()
print(bits(), lf.build_info()["max_threads"], before, torch.get_num_threads())
"""


def test_whichever_is_imported_first_results_and_threads_are_the_same(tmp_path):
    printed = []
    for first, second in [("torch", "lawfit"), ("lawfit", "torch")]:
        path = tmp_path / f"{first}_first.py"
        path.write_text(ORDER.format(first=first, second=second))
        printed.append(run_file(path).split())
    threads = [str(lf.build_info()["max_threads"]), *[str(torch.get_num_threads())] * 2]
    assert printed == [[expected_bits(), *threads]] * 2
