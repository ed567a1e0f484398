"""The learning rate of every step out of a thinned log, and where it comes from."""

import json

import numpy as np
import pytest

import lawfit as lf
from lawfit.io.rates import disagreement, schedule_of_rates
from shared_data import shared

WSD = lf.schedules.wsd(steps=4000, peak=3e-3, warmup=200, decay_start=3200, end=3e-5)


def thinned(schedule, every, first=None):
    steps = np.arange(every - 1 if first is None else first, schedule.steps, every)
    return steps, schedule.at(steps)


def write(path, schedule, every=25, first=None):
    steps, rates = thinned(schedule, every, first)
    rows = zip(steps.tolist(), rates.tolist(), (3 / (1 + steps)).tolist(), strict=True)
    path.write_text("step,lr,loss\n" + "".join(f"{s},{r!r},{v!r}\n" for s, r, v in rows))
    return path


def far(schedule, other):
    """How far S1 and S2 are from those of another schedule, relative to their size."""
    pairs = zip(schedule.areas(warmup="actual"), other.areas(warmup="actual"), strict=True)
    s1, s2 = (float(np.abs(a - b).max()) for a, b in pairs)
    return max(s1 / other.areas()[0].max(), s2 / (100 * other.peak))


def made(schedule, every, first=None, **options):
    steps, rates = thinned(schedule, every, first)
    return schedule_of_rates(steps, rates, total=schedule.steps, **options)


@pytest.mark.parametrize("every", [1, 7, 25, 100])
@pytest.mark.parametrize(
    "schedule",
    [
        lf.schedules.constant(steps=4000, peak=1e-3),
        lf.schedules.constant(steps=4000, peak=1e-3, warmup=200, ramp="shifted"),
        lf.schedules.linear(steps=4000, peak=1e-3, warmup=400, end=1e-5),
        WSD,
        lf.schedules.two_stage(steps=4000, peak=3e-3, switch=2400, second=6e-4, warmup=200),
        lf.schedules.multi_step(
            steps=4000, peak=3e-3, milestones=[1000, 2000, 3000], gamma=0.3, warmup=200
        ),
    ],
)
def test_a14_a_thinned_log_of_straight_lines_gives_its_schedule(schedule, every):
    found = made(schedule, every).schedule
    assert far(found, schedule) < 1e-12
    assert found.warmup == lf.Schedule(schedule.lr).warmup


@pytest.mark.parametrize("name", ["cosine", "linear", "wsd", "wsdexp", "twostage", "cyclic"])
def test_a14_thinned_logs_of_measured_runs(name):
    schedule = lf.samples.curves(25152)[f"{name}_4000"].schedule
    assert far(made(schedule, 25).schedule, schedule) < 1e-3
    assert far(made(schedule, 100).schedule, schedule) < 3e-2


def test_jumps_are_found_and_told():
    schedule = lf.schedules.multi_step(
        steps=4000, peak=1e-3, milestones=[1000, 1730, 3000], gamma=0.5
    )
    found = made(schedule, 50)
    assert "3 jumps at step 1000 (0.001 to 0.0005), 1700 (0.0005 to 0.00025), 3000" in found.how
    # where in its gap the second one is, the log does not say
    same = np.delete(np.arange(4000), np.arange(1700, 1730))
    assert np.array_equal(found.schedule.lr[same], schedule.lr[same])
    smooth = made(lf.schedules.cosine(steps=4000, peak=1e-3, warmup=200), 25)
    assert "jump" not in smooth.how


@pytest.mark.parametrize(
    ("first", "last", "round_one"),
    [(2376, 2400, 2400), (2401, 2424, 2420), (3, 9, 5), (7, 7, 7), (901, 1100, 1000), (51, 99, 60)],
)
def test_a_jump_is_put_at_the_roundest_step(first, last, round_one):
    steps = np.array([first - 2, first - 1, last, last + 1])
    found = schedule_of_rates(steps, np.array([2e-3, 2e-3, 1e-3, 1e-3]), total=last + 2)
    assert int(np.argmax(found.schedule.lr < 2e-3)) == round_one


def test_what_the_log_does_not_say_is_told():
    found = made(WSD, 100, first=1000)
    assert "steps before 1000 are not in the log: 0.003 is held" in found.how
    ramp = made(WSD, 50)
    assert "the ramp is continued from step 49 back to 0" in ramp.how
    assert ramp.schedule.warmup == 200
    short = schedule_of_rates(np.arange(9), np.full(9, 1e-3), total=20)
    assert short.how == "9 logged rates; 0.001 is held from step 8 on"
    every = schedule_of_rates(np.arange(9), np.full(9, 1e-3), total=9)
    assert every.how == "the log has that of every step"


def test_a_last_line_that_is_steep_all_at_once_is_not_continued():
    steps, rates = np.arange(0, 101, 10), np.array([1e-3] * 10 + [1e-4])
    found = schedule_of_rates(steps, rates, total=105)
    assert found.schedule.lr[100:].tolist() == [1e-4] * 5
    assert found.how.endswith("; 0.0001 is held from step 100 on")
    falling = schedule_of_rates(steps, np.linspace(1e-3, 0, 106)[:101:10], total=106).schedule
    assert falling.lr[105] == pytest.approx(0, abs=1e-18)


def test_memory_is_that_of_the_points():
    steps = np.arange(0, 10**9, 10**7)
    found = schedule_of_rates(steps, np.linspace(1, 2, 100), total=10**9)
    assert found.schedule.steps == 10**9
    assert found.schedule.at([5 * 10**6])[0] == pytest.approx(1 + 0.5 / 99)


def test_a10_a_negative_rate_names_its_step(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("step,lr,loss\n10,1e-3,3\n20,-1e-3,2\n")
    with pytest.raises(ValueError, match=r"a.csv: schedule: lr at step 20 is -0.001; expected lr"):
        lf.read_curves(path)


@pytest.mark.parametrize("options", [{}, {"lr": "lr"}])
def test_a06_a_rate_that_is_infinite_is_not_taken_for_none(tmp_path, options):
    path = tmp_path / "a.csv"
    path.write_text("step,lr,loss\n10,1e-3,3\n20,inf,2\n30,,2\n40,1e-3,2\n")
    with pytest.raises(ValueError, match=r"a.csv: lr at step 20 is inf; expected a finite"):
        lf.read_curves(path, **options)
    (curve,) = lf.read_curves(path, schedule="constant steps=50 peak=1e-3")
    assert any("rate at step 20 is inf, the schedule's 0.001" in note for note in curve.notes)


def test_disagreement():
    steps = np.array([0, 150, 3900])
    assert disagreement(WSD, steps, WSD.at(steps)) == ""
    assert disagreement(WSD, steps + 1, WSD.at(steps)) == ""
    other = lf.schedules.constant(steps=4000, peak=3e-3)
    found = disagreement(other, steps, WSD.at(steps))
    assert found == "the log's learning rate at step 0 is 0, the schedule's 0.003"
    assert disagreement(other, steps + 4000, WSD.at(steps)) == ""


# Where it comes from


def test_the_schedule_that_was_given_goes_first(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    text = "wsd steps=4000 peak=3e-3 warmup=200 decay_start=3200 end=3e-5"
    for given in (WSD, text, {"a": WSD}, {"a": text}):
        (curve,) = lf.read_curves(path, schedule=given)
        assert curve.schedule == WSD
        assert curve.lr_source == "the schedule that was given"
        assert "LR: the schedule that was given" in repr(curve)
        assert not any("learning rate" in note for note in curve.notes)
    (curve,) = lf.read_curves(path, schedule="constant steps=4000 peak=3e-3")
    assert (
        "the log's learning rate at step 24 is 0.00036, the schedule's 0.003: the schedule's "
        in (" ".join(curve.notes))
    )
    write(tmp_path / "b.csv", WSD)
    curve = lf.read_curves(tmp_path, schedule={"b": WSD, "c": WSD})["a"]
    assert curve.lr_source.startswith("lr in the log: 160 logged rates; straight lines over up to")


def test_a_schedule_for_none_of_the_runs_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    with pytest.raises(ValueError, match="schedule is for the runs 'b'; those read are 'a'"):
        lf.read_curves(path, schedule={"b": WSD})


def test_a_step_beyond_the_schedule_may_be_a_count_of_updates(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("step,lr,loss\n2000,3e-3,3\n4000,3e-3,2\n")
    message = (
        "the last step is 4000 and the schedule has 4000 steps, 0 to 3999; give one_based=True"
    )
    with pytest.raises(ValueError, match=message):
        lf.read_curves(path, schedule=WSD)
    (curve,) = lf.read_curves(path, schedule=WSD, one_based=True)
    assert curve.steps.tolist() == [1999, 3999]
    with pytest.raises(ValueError, match="step 4000 is beyond the schedule"):
        lf.read_curves(path, schedule=WSD, one_based=False)
    path.with_suffix(".json").write_text('{"steps": 4000}')
    with pytest.raises(ValueError, match=r"the last step is 4000 and .*a.json says 4000 steps"):
        lf.read_curves(path)


def test_then_the_column_that_was_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("step,lr,slow,loss\n0,1e-3,1,3\n10,1e-3,2,2\n")
    path.with_suffix(".lr.csv").write_text("step,lr\n" + "".join(f"{k},5\n" for k in range(11)))
    (curve,) = lf.read_curves(path, lr="slow")
    assert curve.schedule.lr[5] == 1.5
    assert curve.lr_source.startswith("slow in the log")
    (curve,) = lf.read_curves(path)
    assert curve.schedule.peak == 5
    with pytest.raises(ValueError, match=r"a.csv: line 1: column 'fast' is missing; expected "):
        lf.read_curves(path, lr="fast")


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": WSD.to_dict()},
        {"schedule": "wsd steps=4000 peak=3e-3 warmup=200 decay_start=3200 end=3e-5"},
        WSD.to_dict(),
        {"lr": WSD.lr.tolist(), "warmup": 200},
    ],
)
def test_then_what_lies_beside(tmp_path, settings):
    path = write(tmp_path / "lr3.5e-4.csv", WSD)
    beside = tmp_path / "lr3.5e-4.json"
    beside.write_text(json.dumps(settings))
    for source in (path, tmp_path, str(tmp_path / "*")):
        (curve,) = lf.read_curves(source)
        assert curve.schedule == WSD
        assert curve.lr_source == str(beside)


def test_a_table_of_rates_beside(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    rates = "".join(f"{k},{rate!r}\n" for k, rate in enumerate(WSD.lr.tolist()))
    (tmp_path / "a.lr.csv").write_text("step,lr\n" + rates)
    (curve,) = lf.read_curves(tmp_path)
    assert np.array_equal(curve.schedule.lr, WSD.lr)
    assert curve.lr_source == str(path.with_suffix(".lr.csv"))


def test_a_label_beside_is_no_schedule(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    path.with_suffix(".json").write_text('{"schedule": "wsd_4000", "steps": 5000}')
    (curve,) = lf.read_curves(path)
    assert curve.schedule.steps == 5000
    assert curve.lr_source.startswith("lr in the log: ")
    assert "beside the log, the schedule 'wsd_4000' is a label: it has no arguments" in (
        " ".join(curve.notes)
    )


def test_one_rate_beside_is_no_schedule(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    path.with_suffix(".json").write_text('{"lr": 3e-4, "warmup": 100, "batch_size": 32}')
    (curve,) = lf.read_curves(path)
    assert curve.schedule.warmup == 100
    assert curve.lr_source.startswith("lr in the log: ")
    told = "beside the log, lr 0.0003 is a label: it is no list with the rate of every step"
    assert told in curve.notes


def test_null_beside_is_nothing(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    keys = ("lr", "pieces", "warmup", "schedule", "params", "tokens_per_step", "steps", "loss_unit")
    path.with_suffix(".json").write_text(json.dumps(dict.fromkeys(keys)))
    (curve,) = lf.read_curves(path)
    path.with_suffix(".json").unlink()
    assert curve == lf.read_curves(path)[0]


def test_fewer_steps_beside_than_in_the_log_are_refused(tmp_path):
    path = write(tmp_path / "a.csv", WSD)
    (curve,) = lf.read_curves(path)
    path.with_suffix(".json").write_text(f'{{"steps": {curve.steps[-1]}}}')
    said = rf"the last step is {curve.steps[-1]} and .*a.json says {curve.steps[-1]} steps, 0 to"
    for one_based in (None, False):
        with pytest.raises(ValueError, match=said):
            lf.read_curves(path, one_based=one_based)
    path.with_suffix(".json").write_text('{"steps": 2000}')
    with pytest.raises(ValueError, match=rf"{curve.steps[-1]} and .*a.json says 2000 steps, 0 to"):
        lf.read_curves(path)


def test_steps_that_a_restart_superseded_are_none_of_the_schedule(tmp_path):
    path = tmp_path / "a.csv"
    steps = [*range(0, 5000, 100), *range(200, 3000, 100)]
    path.write_text("step,lr,loss\n" + "".join(f"{step},1e-3,3.0\n" for step in steps))
    (curve,) = lf.read_curves(path)
    assert (curve.steps[-1], curve.schedule.steps) == (2900, 2901)
    (first,) = lf.read_curves(path, on_duplicate="first")
    assert (first.steps[-1], first.schedule.steps) == (4900, 4901)
    path.with_suffix(".json").write_text('{"steps": 3000}')
    assert lf.read_curves(path)[0].schedule.steps == 3000
    path.with_suffix(".json").write_text('{"steps": 4900}')
    assert lf.read_curves(path)[0].schedule.steps == 4900


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[1]", r"a.json is \[1\]; expected a JSON object with settings"),
        ('{"params": -1}', "a.json: params is -1; expected a finite number > 0"),
        ('{"params": "1e6"}', "a.json: params is '1e6'; expected a real number"),
        ('{"steps": 1.5}', "a.json: steps is 1.5; expected a whole number"),
        ('{"loss_unit": 1}', "a.json: loss_unit is 1; expected a string"),
        ('{"schedule": "wsd steps=9"}', "a.json: schedule 'wsd': peak is missing"),
        ('{"schedule": "cos steps=9"}', "a.json: schedule 'cos' is unknown; did you mean 'cosine'"),
        ('{"schedule": 3}', "a.json: "),
        ('{"lr": [1, -1]}', "a.json: schedule: lr at step 1 is -1"),
        ('{"a": 1', "a.json: this is no JSON"),
    ],
)
def test_bad_settings_name_file_and_key(tmp_path, settings, message):
    path = write(tmp_path / "a.csv", WSD)
    path.with_suffix(".json").write_text(settings)
    with pytest.raises((ValueError, TypeError), match=message):
        lf.read_curves(path)


def test_e33_text_in_settings_opens_no_file(tmp_path):
    write(tmp_path / "a.csv", WSD)
    (tmp_path / "a.json").write_text(json.dumps({"schedule": str(tmp_path / "other=1.json")}))
    (tmp_path / "other=1.json").write_text(json.dumps(WSD.to_dict()))
    with pytest.raises(ValueError, match=r"a.json: schedule '/.*' is unknown"):
        lf.read_curves(tmp_path / "a.csv")


def test_no_rate_at_all_is_no_schedule(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n0,3\n10,2\n")
    (curve,) = lf.read_curves(path)
    assert curve.schedule is None
    assert curve.lr_source == ""


def test_a_text_too_long_for_a_path_is_no_schedule(tmp_path):
    with pytest.raises(ValueError, match=r"schedule 'xxx.* is no file, and 'xxx"):
        lf.read_curves(write(tmp_path / "a.csv", WSD), schedule="x" * 5000)


@pytest.mark.parametrize("given", [3, ["a"], {"a": 3}])
def test_schedules_of_other_types_are_refused(tmp_path, given):
    with pytest.raises(TypeError, match="schedule"):
        lf.read_curves(write(tmp_path / "a.csv", WSD), schedule=given)


# Published logs


def test_sample_runs_from_their_files():
    curves = lf.read_curves(shared("tiny", "25152"))
    samples = lf.samples.curves(25152)
    assert curves.names == samples.names
    for curve, sample in zip(curves, samples, strict=True):
        assert np.array_equal(curve.loss, sample.loss)
        assert np.array_equal(curve.steps, sample.steps)
        assert curve.schedule.warmup == sample.schedule.warmup
        assert (curve.params, curve.tokens_per_step) == (25152, 1024)
        assert far(curve.schedule, sample.schedule) < 1e-3


def test_multi_power_runs_say_that_their_warmup_is_not_logged():
    curves = lf.read_curves(str(shared("multipower", "25") / "*.csv"))
    assert len(curves) == 9
    for curve in curves:
        assert "steps before " in curve.lr_source
    jump = curves["wsdcon_9"].lr_source
    assert "1 jump at step 8000 (0.0003 to 9e-05)" in jump
