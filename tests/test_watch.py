"""Following a log: the same forecasts as by hand, restarts, guessed plans, targets, alarms."""

import json
import math

import numpy as np
import pytest

import event_file as ev
import lawfit as lf
from lawfit.io.schedule_text import read_schedule
from lawfit.watch import JUDGED, NoPlan, Watch
from watched_runs import PLANS, curve, lines

PLAN = read_schedule(PLANS["wsd_4000"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


@pytest.fixture(scope="module")
def prior():
    """A fit to two other runs of the size."""
    return lf.fit("annealing", [curve("cosine_4000"), curve("constant_4000")])


def by_hand(until=math.inf, **options):
    run = curve()
    kept = run.steps <= until
    forecaster = lf.Forecaster("annealing", PLAN, **options)
    return forecaster.update_many(run.steps[kept], run.loss[kept])


def same(forecast, expected):
    numbers = [(f.loss, f.lower, f.upper, f.prior_share) for f in (forecast, expected)]
    assert numbers[0] == numbers[1]


def test_the_plan_of_the_sample_is_its_schedule():
    assert np.array_equal(PLAN.lr, curve().schedule.lr)


@pytest.mark.parametrize("until", [1000, 3500])
def test_forecasts_are_those_of_a_forecaster(path, until):
    path.write_text("".join(lines(until=until)))
    state = Watch(path, schedule=PLAN, target=1.63, level=0.8).refresh()
    expected = by_hand(until)
    same(state.final, expected.forecast(level=0.8))
    assert state.reached is None
    assert state.eta == expected.eta(1.63, 0.8)
    assert state.fitted == expected.n
    assert np.array_equal(state.ahead.loss, expected.forecast(state.ahead.steps, 0.8).loss)
    assert (state.ahead.steps[0], state.ahead.steps[-1]) == (state.steps[-1], 3999)
    assert (state.total, state.waiting, state.guessed_from) == (4000, "", None)
    assert not state.finished


def test_a_log_that_grows_comes_to_what_it_is_as_a_whole(path):
    content = "".join(lines(until=3500))
    growing = Watch(path, schedule=PLAN)
    state = growing.refresh()
    assert (state.waiting, state.title) == ("no log yet", "")
    assert state.notes == (f"waiting for {path} to be there",)
    for cut in (0, 10, 1000, 1001, 2500, len(content)):  # amid lines
        path.write_text(content[:cut])
        state = growing.refresh()
    whole = Watch(path, schedule=PLAN).refresh()
    assert state.to_dict() == whole.to_dict()
    assert growing.refresh().to_dict() == whole.to_dict()


def test_a_resumed_run_is_forecast_as_one_that_never_stopped(path):
    kept = lines(until=3500)
    lost = lines(until=2000, scale=dict.fromkeys(range(1500, 2001), 1.2))
    path.write_text("".join(lost))
    watched = Watch(path, schedule=PLAN)
    watched.refresh()
    with path.open("a") as file:
        file.writelines(line for line in kept[1:] if int(line.split(",")[0]) >= 1500)
    state = watched.refresh()
    same(state.final, by_hand(3500).forecast())
    assert any("steps went back 1 times: 20 points" in note for note in state.notes)


def test_a_run_that_ended_and_was_resumed_goes_on(path):
    path.write_text("".join(lines()))
    watched = Watch(path, schedule=PLAN)
    assert watched.refresh().finished
    with path.open("a") as file:
        file.writelines(line for line in lines(until=3700)[1:] if int(line.split(",")[0]) > 3200)
    state = watched.refresh()
    assert (state.step, state.finished) == (state.steps[-1], False)
    assert state.to_dict() == Watch(path, schedule=PLAN).refresh().to_dict()


def test_a_log_written_anew_is_forecast_anew(path):
    path.write_text("".join(lines(until=3500)[:1] + lines(until=3500)[2:]))
    watched = Watch(path, schedule=PLAN)
    watched.refresh()
    path.write_text("".join(lines(until=3500)))
    state = watched.refresh()
    same(state.final, by_hand(3500).forecast())
    assert any("read anew" in note for note in state.notes)


@pytest.mark.parametrize("upto", [1000, 2000])
def test_without_a_plan_the_rate_is_held_and_that_is_said(path, upto):
    name = "constant_4000"  # for which the guess is right
    path.write_text("".join(lines(name, until=upto)))
    watched = Watch(path, total_steps=4000)
    watched.refresh()
    path.write_text("".join(lines(name, until=3000)))
    state = watched.refresh()
    known = Watch(path, schedule=read_schedule(PLANS[name])).refresh()
    assert state.guessed_from == int(state.steps[-1])
    assert known.guessed_from is None
    # The ramp is a straight line between points, so areas differ by what is before the first.
    assert state.final.loss == pytest.approx(known.final.loss, rel=2e-3)


def test_the_rates_of_a_log_are_joined_as_read_curves_joins_them(path):
    rates = lf.schedules.two_stage(
        steps=1000, peak=1e-3, second=1e-4, switch=505, warmup=40
    ).lr.tolist()
    steps = [*range(5, 1000, 20), 999]
    losses = [2 + (k + 1) ** -0.5 - 0.1 * (k > 500) for k in steps]
    rows = [f"{k},{loss!r},{rates[k]!r}\n" for k, loss in zip(steps, losses, strict=True)]
    path.write_text("step,loss,lr\n" + "".join(rows))
    (read,) = lf.read_curves(path)
    state = Watch(path, total_steps=1000).refresh()
    expected = lf.Forecaster("annealing", read.schedule).update_many(read.steps, read.loss)
    assert state.fitted == expected.n
    same(state.final, expected.forecast())


@pytest.mark.parametrize("shift", [0, 1])
def test_a_log_that_contradicts_its_plan_is_told(path, shift):
    content = lines("constant_4000", until=3500)
    moved = [content[0]] + [f"{int(a) + shift},{b}" for a, _, b in
                            (line.partition(",") for line in content[1:])]  # fmt: skip
    path.write_text("".join(moved))
    watched = Watch(path, schedule=PLAN)
    expected = int(next(line for line in moved[1:] if int(line.split(",")[0]) > 3210).split(",")[0])
    told = f"the log's learning rate at step {expected} is 0.003, the schedule's "
    assert sum(note.startswith(told) for note in watched.refresh().notes) == 1
    path.write_text("".join(lines(until=3500)))
    assert watched.refresh().notes == ("the log was replaced or cut and read anew (1 times)",)


def test_a_contradiction_that_is_superseded_is_told_no_more(path):
    found = lines(until=3500)
    path.write_text("".join(found[:90]) + f"{int(found[90].split(',')[0])},9.0,2.0\n")
    watched = Watch(path, schedule=PLAN)
    assert any("learning rate at step" in note for note in watched.refresh().notes)
    with path.open("a") as file:
        file.writelines(found[90:])
    assert not any("learning rate at step" in note for note in watched.refresh().notes)


def test_a_guess_ends_with_the_run(path):
    path.write_text("".join(lines("constant_4000")))
    state = Watch(path, total_steps=4000).refresh()
    assert state.finished
    assert state.guessed_from is None


def test_the_length_of_the_run_must_be_known(path):
    watched = Watch(path)
    watched.refresh()  # what is not there may tell
    path.write_text("".join(lines(until=1000)))
    with pytest.raises(NoPlan, match="how long the run will be is not known"):
        watched.refresh()


def test_a_trainer_s_state_tells_the_length_and_counts_updates(path):
    run = curve("constant_4000")
    history = [
        {"step": step + 1, "loss": loss, "learning_rate": lr}
        for step, loss, lr in zip(
            run.steps.tolist(), run.loss.tolist(), run.schedule.at(run.steps).tolist(), strict=True
        )
    ][:80]
    path.write_text(json.dumps({"max_steps": 4000, "log_history": history}, indent=2))
    state = Watch(path, one_based=True).refresh()
    assert state.total == 4000
    assert state.steps[:2].tolist() == [12, 37]  # the centres of 0 … 24 and 25 … 49
    assert state.step == history[-1]["step"] - 1
    assert math.isfinite(state.final.loss)


def test_a_rate_may_come_after_the_loss(path):
    path.write_bytes(ev.scalars([(0, {"loss": 5.0})]))
    watched = Watch(path, total_steps=100)
    assert watched.refresh().waiting.startswith("no learning rate yet")
    with path.open("ab") as file:
        file.write(ev.scalars([(0, {"lr": 0.5}), (10, {"loss": 4.0}), (10, {"lr": 0.5})]))
    assert watched.refresh().waiting == "2 of the 4 points needed"


def test_a_session_that_starts_over_at_0_leaves_nothing(path):
    rows = [(k, {"loss": 2 + (k + 1) ** -0.5, "lr": 0.5}) for k in range(0, 300, 10)]
    path.write_bytes(ev.scalars(rows))
    watched = Watch(path, total_steps=500)
    assert watched.refresh().fitted == 30
    with path.open("ab") as file:
        file.write(ev.framed(ev.field(2, 0) + ev.field(7, ev.field(1, 1))))
    state = watched.refresh()
    assert (state.final, state.ahead, state.waiting, state.step) == (None, None, "no loss yet", -1)
    with path.open("ab") as file:
        file.write(ev.scalars(rows[:20]))
    assert watched.refresh().fitted == 20


def test_a_ramp_may_begin_at_0(path):
    found = [f"{k},{2 + (k + 1) ** -0.5!r},{min(k, 20) / 20}\n" for k in range(0, 300, 5)]
    path.write_text("step,loss,lr\n" + found[0])
    watched = Watch(path, total_steps=500)
    state = watched.refresh()
    assert state.waiting.startswith("no learning rate yet: the log has none above 0 so far")
    for row in found[1:]:
        with path.open("a") as file:
            file.write(row)
        state = watched.refresh()
    assert state.fitted == sum(k >= 20 for k in range(0, 300, 5))
    whole = Watch(path, total_steps=500).refresh()
    assert state.final.loss == pytest.approx(whole.final.loss, rel=1e-9)


def test_rates_that_a_session_voids_are_not_held(path):
    rows = [(k, {"loss": 2 + (k + 1) ** -0.5, "lr": 0.5 if k < 200 else 0.1}) for k in range(300)]
    path.write_bytes(ev.scalars(rows))
    watched = Watch(path, total_steps=500)
    assert watched.refresh().guessed_from == 299
    with path.open("ab") as file:
        file.write(ev.framed(ev.field(2, 200) + ev.field(7, ev.field(1, 1))))
    state = watched.refresh()
    path.write_bytes(ev.scalars(rows[:200]))
    expected = Watch(path, total_steps=500).refresh()
    assert state.guessed_from == expected.guessed_from == 199
    assert state.final.loss == pytest.approx(expected.final.loss, rel=1e-9)


@pytest.mark.parametrize("lr", ["", "0.1"])
def test_a_law_of_steps_needs_no_rate(path, lr):
    rows = [f"{k},{2 + (k + 1) ** -0.5!r},{lr}\n" for k in range(0, 500, 5)]
    path.write_text("step,loss,lr\n" + "".join(rows))
    law = lf.Law("steps", "c + a * (step + 1)**-b", ["a", "b", "c"], y="loss", columns=["step"])
    state = Watch(path, law, total_steps=1000).refresh()
    assert state.final.loss == pytest.approx(2 + 1000**-0.5, rel=1e-6)
    assert state.guessed_from is None


def test_losses_without_a_value_are_counted(path):
    found = lines(until=3500)
    found[50] = found[50].rpartition(",")[0] + ",nan\n"
    found[51] = found[51].rpartition(",")[0] + ",inf\n"
    found[52] = found[52].rpartition(",")[0] + ",-inf\n"
    path.write_text("".join(found))
    state = Watch(path, schedule=PLAN, target=0.5).refresh()
    assert state.skipped == 3
    assert state.reached is None
    json.dumps(state.to_dict(), allow_nan=False)


def test_a_target_that_is_reached(path):
    path.write_text("".join(lines()))
    run = curve()
    state = Watch(path, schedule=PLAN, target=2.0).refresh()
    assert state.reached == run.steps[np.argmax(run.loss <= 2.0)]
    assert state.eta is None
    assert state.finished


def test_decay_is_advised_while_the_rate_is_at_its_highest(path, prior):
    path.write_text("".join(lines(until=2500)))
    state = Watch(path, schedule=PLAN, prior=prior).refresh()
    expected = by_hand(2500, prior=prior)
    same(state.final, expected.forecast())
    assert state.decay == expected.best_decay()
    assert 2500 <= state.decay.start < 4000
    path.write_text("".join(lines(until=3500)))
    assert Watch(path, schedule=PLAN, prior=prior).refresh().decay is None


def test_why_no_decay_is_advised_is_said(path):
    path.write_text("".join(lines(until=2500)))
    state = Watch(path, schedule=PLAN).refresh()
    assert state.decay is None
    assert any("do not determine C" in note for note in state.notes)
    assert state.to_dict()["final"]["upper"] is None  # infinite


def test_a_spike_is_an_alarm_once_and_stays(path):
    path.write_text("".join(lines(until=2499)))
    watched = Watch(path, schedule=PLAN)
    assert watched.refresh().alarms == ()
    path.write_text("".join(lines(until=2524, scale={2524: 1.5})))
    (spike,) = watched.refresh().alarms
    assert (spike.since, spike.anomaly.step, spike.anomaly.kind) == (2524, 2524, "spike")
    assert watched.refresh().alarms == (spike,)
    path.write_text("".join(lines(until=2999, scale={2524: 1.5})))
    assert watched.refresh().alarms[-1] == spike


def test_alarms_of_one_kind_in_a_row_are_one_from_its_first_step(path):
    rising = {step: 1.3 + k / 100 for k, step in enumerate(range(2524, 3000, 25))}
    path.write_text("".join(lines(until=2499)))
    watched = Watch(path, schedule=PLAN)
    watched.refresh()
    path.write_text("".join(lines(until=2599, scale=rising)))
    divergence, spike = watched.refresh().alarms
    assert (spike.anomaly.kind, spike.since, spike.anomaly.step) == ("spike", 2524, 2549)
    assert (divergence.since, divergence.anomaly.step) == (2574, 2599)
    assert str(divergence).startswith("divergence at step 2599: ")
    assert str(divergence).endswith(", since step 2574")
    path.write_text("".join(lines(until=2624, scale=rising)))
    newest, before = watched.refresh().alarms  # however the points came
    assert (newest.since, newest.anomaly.step, before) == (2574, 2624, spike)


def test_points_that_were_not_judged_end_an_alarm(path):
    spikes = {2024: 1.5, 2174: 1.5}
    path.write_text("".join(lines(until=2024, scale=spikes)))
    watched = Watch(path, schedule=PLAN)
    assert [alarm.since for alarm in watched.refresh().alarms] == [2024]
    path.write_text("".join(lines(until=2174 + 25 * (JUDGED - 1), scale=spikes)))
    newest, before = watched.refresh().alarms  # of what is new, 2174 is judged first
    assert (newest.since, newest.anomaly.step, before.since) == (2174, 2174, 2024)


def test_alarms_of_points_that_were_superseded_are_gone(path):
    path.write_text("".join(lines(until=2999, scale={2999: 1.5})))
    watched = Watch(path, schedule=PLAN)
    assert watched.refresh().alarms
    with path.open("a") as file:
        file.writelines(lines(until=2999)[-1:])
    assert watched.refresh().alarms == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("4001,0,2\n", "log.csv: step 4001 is beyond the schedule, which ends at step 3999$"),
        ("4000,0,2\n", "log.csv: step 4000 is beyond the schedule, which ends at step 3999; one_b"),
        ("3999,0,-2\n", "log.csv: loss at step 3999 is -2; log residuals need it above 0"),
        ("3999,0,x\n", r"log.csv: line \d+: loss is 'x'"),
    ],
)
def test_what_no_log_holds_is_refused_with_the_file(path, row, message):
    path.write_text("".join(lines(until=3500)) + row)
    with pytest.raises(ValueError, match=message):
        Watch(path, schedule=PLAN).refresh()


@pytest.mark.parametrize("law", ["annealing", lf.Law("flat", "c", ["c"], y="loss")])
def test_a_log_that_is_longer_than_the_run_is_refused(path, law):
    path.write_text("".join(lines(until=3500)))
    with pytest.raises(
        ValueError, match=r"log.csv: step 3499 is beyond the run, which ends at step 9"
    ):
        Watch(path, law, total_steps=1000).refresh()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("4000,0,2\n", "step 4000 is beyond the schedule, which ends"),
        ("3999,0,x\n3999,0,2\n", "loss is 'x'; expected a number"),
        ('3999,0,"2\n', "unexpected end of data"),
        ("3999,-1,2\n", "lr at step 3999 is -1.0; expected lr >= 0"),
    ],
)
def test_what_is_refused_once_is_refused_again(path, row, message):
    path.write_text("".join(lines(until=3500)))
    watched = Watch(path, schedule=None if "lr" in message else PLAN, total_steps=4000)
    before = watched.refresh()
    with path.open("a") as file:
        file.write(row)
    for _ in range(3):
        with pytest.raises(ValueError, match=message):
            watched.refresh()
    path.write_text("".join(lines(until=3500)))
    same(watched.refresh().final, before.final)


def test_a_law_or_prior_that_cannot_forecast_is_refused_before_there_is_a_log(path):
    with pytest.raises(ValueError, match="chinchilla"):
        Watch(path, "chinchilla")
    other = lf.fit("power", {"x": [1, 2, 3, 4.0], "y": [4, 3, 2.5, 2.25]})
    with pytest.raises(ValueError, match="prior"):
        Watch(path, prior=other)
