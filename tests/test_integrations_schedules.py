"""Schedules taken from schedulers of torch and transformers, against stepping those by hand."""

import copy
import warnings

import numpy as np
import pytest

import lawfit as lf

STEPS = 60


def framework(name):
    """Import a framework, or skip the test; what it warns of on import is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


# PyTorch


def chained(torch, o):
    s = torch.optim.lr_scheduler
    return s.ChainedScheduler([s.ConstantLR(o, 0.1, total_iters=20), s.ExponentialLR(o, 0.9)])


def warm_then(torch, o):
    s = torch.optim.lr_scheduler
    parts = [s.LinearLR(o, 0.01, total_iters=10), s.CosineAnnealingLR(o, T_max=50)]
    return s.SequentialLR(o, parts, milestones=[10])


def chain_in_turn(torch, o):
    s = torch.optim.lr_scheduler
    return s.SequentialLR(o, [chained(torch, o), s.StepLR(o, 5, 0.5)], milestones=[25])


def turns_in_turn(torch, o):
    s = torch.optim.lr_scheduler
    return s.SequentialLR(o, [warm_then(torch, o), s.ConstantLR(o, 0.5, 40)], milestones=[30])


SCHEDULERS = {
    "lambda": lambda s, o: s.LambdaLR(o, [lambda t: 0.95**t, lambda t: 1 / (1 + t)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda t: 0.9 + 0.001 * t),
    "step": lambda s, o: s.StepLR(o, 7, 0.5),
    "multi_step": lambda s, o: s.MultiStepLR(o, [5, 20, 21], 0.3),
    "constant": lambda s, o: s.ConstantLR(o, 0.25, 9),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 0.7, 40),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.97),
    "polynomial": lambda s, o: s.PolynomialLR(o, 50, 2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 45, 1e-5),
    "cyclic": lambda s, o: s.CyclicLR(o, 1e-4, 1e-2, step_size_up=7, mode="triangular2"),
    "one_cycle": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=STEPS),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, 2, 1e-6),
}
COMPOSED = {"chained": chained, "sequential": warm_then, "chain_in_turn": chain_in_turn}


def build(torch, kind, **options):
    """Return an optimizer of two groups and a scheduler of it."""
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    rates = options.pop("rates", (0.1, 0.02))
    groups = [{"params": [w], "lr": lr} for w, lr in zip(weights, rates, strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=0.9, **options)
    if kind in SCHEDULERS:
        return optimizer, SCHEDULERS[kind](torch.optim.lr_scheduler, optimizer)
    make = COMPOSED.get(kind, turns_in_turn)
    return optimizer, quietly(make, torch, optimizer)


def quietly(work, *args):
    """Some schedulers warn of their own doings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work(*args)


def stepped(optimizer, scheduler, updates, group=0):
    """Train so many updates; return the rates that they were made with."""
    rates = []
    for _ in range(updates):
        rates.append(float(optimizer.param_groups[group]["lr"]))
        optimizer.step()
        quietly(scheduler.step)
    return np.array(rates)


def plain(state):
    """Return a state without the functions that no two schedulers share."""
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items() if key != "_scale_fn_ref"}
    if isinstance(state, list):
        return [plain(value) for value in state]
    return state


@pytest.fixture(name="torch")
def _torch():
    return framework("torch")


@pytest.mark.parametrize("group", [0, 1])
@pytest.mark.parametrize("kind", [*SCHEDULERS, *COMPOSED, "turns_in_turn"])
def test_the_rates_are_those_of_stepping_by_hand(torch, kind, group):
    by_hand = stepped(*build(torch, kind), STEPS, group)
    taken = lf.Schedule.from_torch(build(torch, kind)[1], STEPS, group=group)
    np.testing.assert_array_equal(taken.lr, by_hand)


@pytest.mark.parametrize("done", [1, 11, 33])
@pytest.mark.parametrize("kind", [*SCHEDULERS, *COMPOSED])
def test_one_that_was_stepped_before_is_given_from_its_first_step(torch, kind, done):
    by_hand = stepped(*build(torch, kind), STEPS)
    optimizer, scheduler = build(torch, kind)
    stepped(optimizer, scheduler, done)
    taken = lf.Schedule.from_torch(scheduler, STEPS)
    np.testing.assert_allclose(taken.lr, by_hand, rtol=1e-12)
    short = lf.Schedule.from_torch(scheduler, done)
    np.testing.assert_allclose(short.lr, by_hand[:done], rtol=1e-12)


@pytest.mark.parametrize("done", [0, 11])
@pytest.mark.parametrize("kind", [*SCHEDULERS, *COMPOSED, "turns_in_turn"])
def test_scheduler_and_optimizer_are_left_as_they_are(torch, kind, done):
    optimizer, scheduler = build(torch, kind)
    past = stepped(optimizer, scheduler, done)
    before = copy.deepcopy((plain(scheduler.state_dict()), optimizer.state_dict()))
    options = {"past": past} if kind == "turns_in_turn" else {}
    lf.Schedule.from_torch(scheduler, STEPS, **options)
    assert (plain(scheduler.state_dict()), optimizer.state_dict()) == before
    twin, again = build(torch, kind)
    stepped(twin, again, done)
    np.testing.assert_array_equal(
        stepped(optimizer, scheduler, 20), stepped(twin, again, 20)
    )  # and what is to come is what would have come


def test_rates_that_are_tensors(torch):
    rates = [torch.tensor(0.1), torch.tensor(0.02)]
    optimizer, scheduler = build(torch, "exponential", rates=rates)
    taken = lf.Schedule.from_torch(scheduler, STEPS)
    assert optimizer.param_groups[0]["lr"] == torch.tensor(0.1)
    np.testing.assert_array_equal(taken.lr, stepped(optimizer, scheduler, STEPS))


def test_a_scheduler_called_once_an_epoch(torch):
    by_hand = np.repeat(stepped(*build(torch, "step"), 10), 12)
    optimizer, scheduler = build(torch, "step")
    np.testing.assert_array_equal(
        lf.Schedule.from_torch(scheduler, 115, every=12).lr, by_hand[:115]
    )
    stepped(optimizer, scheduler, 3)
    np.testing.assert_array_equal(lf.Schedule.from_torch(scheduler, 120, every=12).lr, by_hand)
    optimizer.param_groups[0]["lr"] = 1.0
    taken = lf.Schedule.from_torch(scheduler, 120, every=12, past=by_hand[:36])
    np.testing.assert_array_equal(taken.lr[:36], by_hand[:36])
    assert set(taken.lr[36:84]) == {1.0}


def test_a_rate_changed_by_hand_needs_what_came_before(torch):
    optimizer, scheduler = build(torch, "exponential")
    past = stepped(optimizer, scheduler, 5)
    optimizer.param_groups[0]["lr"] = 0.5
    with pytest.raises(ValueError, match=r"ExponentialLR stepped 5 times is at 0\.5, but .* past="):
        lf.Schedule.from_torch(scheduler, STEPS)
    with pytest.raises(ValueError, match=r"stepped 5 times: .* past has 4, updates has 5"):
        lf.Schedule.from_torch(scheduler, STEPS, past=past[:4])
    with pytest.raises(ValueError, match="past at index 2 is nan"):
        lf.Schedule.from_torch(scheduler, STEPS, past=[0.1, 0.1, np.nan, 0.1, 0.1])
    taken = lf.Schedule.from_torch(scheduler, STEPS, past=past)
    np.testing.assert_array_equal(taken.lr[:5], past)
    np.testing.assert_allclose(taken.lr[5:], 0.5 * 0.97 ** np.arange(STEPS - 5))


def test_turns_within_turns_need_what_came_before(torch):
    optimizer, scheduler = build(torch, "turns_in_turn")
    past = stepped(optimizer, scheduler, 5)
    with pytest.raises(ValueError, match=r"SequentialLR can't be taken back .* past="):
        lf.Schedule.from_torch(scheduler, STEPS)
    taken = lf.Schedule.from_torch(scheduler, STEPS, past=past)
    by_hand = stepped(*build(torch, "turns_in_turn"), STEPS)
    np.testing.assert_array_equal(taken.lr, by_hand)


def test_a_scheduler_of_ones_own_with_a_memory(torch):
    class Own(torch.optim.lr_scheduler.LRScheduler):
        memory = 0

        def get_lr(self):
            self.memory += 1
            return [base / self.memory for base in self.base_lrs]

    def make():
        optimizer, _ = build(torch, "constant")
        return optimizer, Own(optimizer)

    by_hand = stepped(*make(), STEPS)
    optimizer, scheduler = make()
    np.testing.assert_array_equal(lf.Schedule.from_torch(scheduler, STEPS).lr, by_hand)
    past = stepped(optimizer, scheduler, 9)
    with pytest.raises(ValueError, match="Own stepped 9 times is at"):
        lf.Schedule.from_torch(scheduler, STEPS)
    np.testing.assert_array_equal(lf.Schedule.from_torch(scheduler, STEPS, past=past).lr, by_hand)


def test_refusals_of_torch_schedulers(torch):
    optimizer, _ = build(torch, "step")
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(
        ValueError, match=r"ReduceLROnPlateau .* metrics of step\(\); .*from_points"
    ):
        lf.Schedule.from_torch(plateau, STEPS)
    _, one_cycle = build(torch, "one_cycle")
    with pytest.raises(ValueError, match=r"OneCycleLR has no rate after 61 .* total steps is 60"):
        lf.Schedule.from_torch(one_cycle, STEPS + 2)
    _, scheduler = build(torch, "step")
    with pytest.raises(ValueError, match=r"StepLR: group is 2; .* >= 0 and <= 1"):
        lf.Schedule.from_torch(scheduler, STEPS, group=2)
    with pytest.raises(ValueError, match=r"steps is 0"):
        lf.Schedule.from_torch(scheduler, 0)
    with pytest.raises(TypeError, match="SGD has no optimizer with param_groups"):
        lf.Schedule.from_torch(optimizer, STEPS)
    bad = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0 - 0.5 * t)
    with pytest.raises(ValueError, match=r"LambdaLR: lr at step 3 is -0\.0"):
        lf.Schedule.from_torch(bad, STEPS)
    ends = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: [1.0, 0.5, 0.2][t])
    with pytest.raises(ValueError, match="LambdaLR has no rate for step 3: list index"):
        lf.Schedule.from_torch(ends, STEPS)


# transformers


TRANSFORMERS = {
    "linear": {},
    "cosine": {},
    "cosine_with_restarts": {"num_cycles": 3},
    "polynomial": {"lr_end": 1e-6, "power": 2.0},
    "constant": {},
    "constant_with_warmup": {},
    "inverse_sqrt": {"timescale": 20},
    "cosine_with_min_lr": {"min_lr": 1e-5},
    "cosine_warmup_with_min_lr": {"min_lr": 1e-5, "warmup_lr_rate": 0.1},
    "warmup_stable_decay": {"num_decay_steps": 15, "min_lr_ratio": 0.1},
}
FOLLOWS_LOSS = {"reduce_lr_on_plateau", "greedy"}


@pytest.fixture(name="transformers")
def _transformers(torch):
    module = framework("transformers")
    quietly(getattr, module, "get_scheduler")
    quietly(getattr, module, "TrainingArguments")
    return module


def from_get_scheduler(torch, transformers, name, options, warmup_steps=6):
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([weight], lr=3e-4)
    return optimizer, transformers.get_scheduler(
        name,
        optimizer,
        num_warmup_steps=warmup_steps,
        num_training_steps=STEPS,
        scheduler_specific_kwargs=options,
    )


def test_every_schedule_that_transformers_names_is_tried(transformers):
    names = {kind.value for kind in transformers.SchedulerType}
    assert names <= set(TRANSFORMERS) | FOLLOWS_LOSS


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_schedules_of_transformers(torch, transformers, name):
    options = TRANSFORMERS[name]
    by_hand = stepped(*from_get_scheduler(torch, transformers, name, options), STEPS)
    optimizer, scheduler = from_get_scheduler(torch, transformers, name, options)
    taken = lf.Schedule.from_transformers(scheduler, STEPS)
    np.testing.assert_array_equal(taken.lr, by_hand)
    named = lf.Schedule.from_transformers(name, STEPS, peak=3e-4, warmup_steps=6, options=options)
    assert named == taken
    stepped(optimizer, scheduler, 20)
    np.testing.assert_array_equal(lf.Schedule.from_transformers(scheduler, STEPS).lr, by_hand)


def test_training_arguments(torch, transformers, tmp_path):
    arguments = quietly(
        lambda: transformers.TrainingArguments(
            output_dir=str(tmp_path),
            learning_rate=3e-4,
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr": 1e-5},
            warmup_steps=0.1,  # as a share
            max_steps=STEPS,
            use_cpu=True,
        )
    )
    options = {"min_lr": 1e-5}
    by_hand = from_get_scheduler(torch, transformers, "cosine_with_min_lr", options)
    taken = lf.Schedule.from_transformers(arguments)
    np.testing.assert_array_equal(taken.lr, stepped(*by_hand, STEPS))
    assert taken.warmup == 6
    assert lf.Schedule.from_transformers(arguments, 40).steps == 40
    arguments.max_steps = -1
    with pytest.raises(ValueError, match="TrainingArguments: max_steps is -1"):
        lf.Schedule.from_transformers(arguments)


def test_refusals_of_transformers(torch, transformers):
    _, scheduler = from_get_scheduler(torch, transformers, "linear", {})
    with pytest.raises(ValueError, match="steps is missing"):
        lf.Schedule.from_transformers(scheduler)
    with pytest.raises(ValueError, match=r"peak is 0\.1; expected None with a LambdaLR"):
        lf.Schedule.from_transformers(scheduler, STEPS, peak=0.1)
    with pytest.raises(ValueError, match="peak is missing"):
        lf.Schedule.from_transformers("cosine", STEPS)
    with pytest.raises(ValueError, match=r"sine.* is not a valid SchedulerType"):
        lf.Schedule.from_transformers("sine", STEPS, peak=0.1)
    for name in sorted(FOLLOWS_LOSS & {kind.value for kind in transformers.SchedulerType}):
        with pytest.raises(ValueError, match=r"depends on the metrics of step\(\)"):
            lf.Schedule.from_transformers(name, STEPS, peak=0.1)
