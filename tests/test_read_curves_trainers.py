"""Logs that real trainers write, read back: losses and rates at the steps they are of."""

import numpy as np
import pytest

import lawfit as lf

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytestmark = [
    # What the frameworks warn of is theirs.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning"),
]

STEPS = 20
LOSSES = 3 - np.arange(STEPS) / 7


class Toy(torch.nn.Module):
    """Its loss tells the step."""

    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(4))
        self.calls = 0

    def forward(self, x, labels=None):
        loss = LOSSES[min(self.calls, STEPS - 1)]
        self.calls += self.training
        return {"loss": loss + (0.0 * self.weights).sum(), "logits": x}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The folder of a run of transformers' Trainer, its schedule and how often it logs."""
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    pytest.importorskip("accelerate", reason="transformers' Trainer needs accelerate")
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "run" / "logs"))
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "run"),
        max_steps=STEPS,
        learning_rate=1e-3,
        warmup_steps=4,
        lr_scheduler_type="linear",
        per_device_train_batch_size=1,
        logging_steps=2,
        save_steps=10,
        report_to=["tensorboard"],
        disable_tqdm=True,
        use_cpu=True,
    )
    data = [{"x": x, "labels": x[:1]} for x in torch.zeros(STEPS, 3)]
    transformers.Trainer(model=Toy(), args=arguments, train_dataset=data).train()
    return tmp_path / "run", lf.schedules.linear(steps=STEPS, peak=1e-3, warmup=4)


def test_a_trainer_of_transformers(trained):
    folder, schedule = trained
    curve = lf.read_curves(str(folder / "**" / "trainer_state.json"))["run"]
    # the loss logged after updates 2k + 1 and 2k + 2 is the mean of steps 2k and 2k + 1
    assert curve.steps.tolist() == list(range(0, STEPS, 2))
    assert curve.loss == pytest.approx((LOSSES[::2] + LOSSES[1::2]) / 2, abs=1e-4)
    assert curve.schedule.lr[1:] == pytest.approx(schedule.lr[1:], abs=1e-9)
    assert curve.lr_source.startswith("learning_rate in the log")

    events = list(folder.rglob("*tfevents*"))
    (logged,) = lf.read_curves(events, y="train/loss", one_based=True)
    assert logged.steps.tolist() == list(range(1, STEPS, 2))
    assert logged.loss == pytest.approx(curve.loss, abs=1e-4)
    assert logged.schedule.lr[1:] == pytest.approx(schedule.lr[1:], abs=1e-9)
    assert logged.name == events[0].parent.name


def test_a_loop_of_torch_with_tensorboard(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard", reason="needs tensorboard")
    for first, last in ((0, 15), (10, STEPS)):  # killed at 15, resumed from step 10
        with tensorboard.SummaryWriter(tmp_path, filename_suffix=f".{first}") as writer:
            for step in range(first, last):
                writer.add_scalar("loss", LOSSES[step] + (first == 0 and step >= 10), step)
                writer.add_scalar("lr", 0.5 * 0.1 ** (step // 8), step)
    (curve,) = lf.read_curves(tmp_path)
    assert curve.steps.tolist() == list(range(STEPS))
    assert curve.loss == pytest.approx(LOSSES, rel=1e-6)
    assert curve.schedule.lr == pytest.approx(0.5 * 0.1 ** (np.arange(STEPS) // 8), rel=1e-6)
    assert "restarted at step 10: dropped 5 points and kept what was logged last" in curve.notes
