"""Curves: what the log of a run may look like, and what becomes of it."""

import copy
import pickle

import numpy as np
import pytest

from lawfit.curve import Curve
from lawfit.curves import Curves, as_curves
from lawfit.schedule import Schedule

STEPS = np.arange(0, 100, 5)
LOSS = 2 + (STEPS + 10.0) ** -0.5
CLEAN = Curve(STEPS, LOSS, name="a")


def run(steps=STEPS, loss=LOSS, **options):
    return Curve(steps, loss, name="a", **options)


def resumed(*restarts, reach=60):
    """Log of a run that goes back to each of `restarts` after `reach` more steps, then finishes.

    Points that a later restart supersedes have another loss.
    """
    starts, steps, loss = [0, *restarts], [], []
    for k, start in enumerate(starts):
        until = start + reach if k < len(restarts) else 100
        segment = STEPS[(start <= STEPS) & (until > STEPS)]
        superseded = segment >= min(starts[k + 1 :], default=100)
        steps.append(segment)
        loss.append(np.where(superseded, 9.0, LOSS[segment // 5]))
    return np.concatenate(steps), np.concatenate(loss)


def test_a01_empty_curve():
    with pytest.raises(ValueError, match="curve 'a' has 0 points"):
        run([], [])
    with pytest.raises(ValueError, match="curve 'a' has 0 points: dropped 2 points with loss not"):
        run([0, 1], [np.nan, np.inf], nan_policy="omit")
    with pytest.raises(ValueError, match="curve has 0 points"):
        Curve([], [])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a03_a04_loss_that_is_not_finite(bad):
    loss = LOSS.copy()
    loss[[7, 9]] = bad
    with pytest.raises(ValueError, match=rf"curve 'a': loss at index 7 is {bad}.*'omit'"):
        run(loss=loss)
    kept = run(loss=loss, nan_policy="omit")
    assert kept.notes == ("dropped 2 points with loss not finite",)
    assert kept == run(np.delete(STEPS, [7, 9]), np.delete(LOSS, [7, 9]))


def test_a03_index_is_that_of_the_input():
    with pytest.raises(ValueError, match="loss at index 0 is nan"):
        run([5, 0], [np.nan, 1.0], sort=True)
    with pytest.raises(ValueError, match="loss at index 3 is nan"):
        run([0, 1, 1, 2], [1.0, 1.0, 1.0, np.nan], on_duplicate="last")


def test_a03_superseded_loss_may_be_nan():
    assert run([0, 1, 1], [3.0, np.nan, 2.0], on_duplicate="last").loss.tolist() == [3.0, 2.0]


@pytest.mark.parametrize("policy", ["raise", "omit"])
def test_a06_step_that_is_not_finite_is_refused_whatever_the_policy(policy):
    with pytest.raises(ValueError, match="curve 'a': step at index 1 is nan"):
        run([0, np.nan], [1.0, 2.0], nan_policy=policy)


@pytest.mark.parametrize("field", ["params", "tokens_per_step"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0, -1])
def test_a06_size_that_is_not_positive_and_finite(field, bad):
    with pytest.raises(ValueError, match=f"curve 'a': {field} is {bad}; expected a finite number"):
        run(**{field: bad})
    with pytest.raises(TypeError, match=f"curve 'a': {field} is '1'"):
        run(**{field: "1"})


def test_a08_loss_of_any_sign_makes_a_curve():
    assert run([0, 1], [0.0, -1.0]).loss.tolist() == [0.0, -1.0]


def test_a11_unsorted_steps():
    order = np.random.default_rng(0).permutation(len(STEPS))
    message = r"curve 'a': step at index \d+ goes back from \d+ to \d+ .*sort=True"
    with pytest.raises(ValueError, match=message):
        run(STEPS[order], LOSS[order])
    curve = run(STEPS[order], LOSS[order], sort=True, columns={"lr": STEPS[order]})
    assert curve.notes == ("sorted 20 points",)
    assert curve.steps.tobytes() == CLEAN.steps.tobytes()
    assert curve.loss.tobytes() == CLEAN.loss.tobytes()
    assert curve.columns["lr"].tolist() == STEPS.tolist()
    assert run(sort=True).notes == ()


def test_a11_first_backwards_index_is_named():
    with pytest.raises(ValueError, match="step at index 2 goes back from 5 to 3"):
        run([0, 5, 3, 4, 1], np.ones(5))


@pytest.mark.parametrize(("policy", "kept"), [("last", [4.0, 1.0]), ("first", [4.0, 3.0])])
@pytest.mark.parametrize("sort", [False, True])
def test_a12_duplicate_steps(policy, kept, sort):
    steps, loss = [0, 5, 5, 5], [4.0, 3.0, 2.0, 1.0]
    message = "curve 'a': step 5 at index 2 is a duplicate of index 1, the first of 2; on_duplicate"
    with pytest.raises(ValueError, match=message):
        run(steps, loss, sort=sort)
    curve = run(steps, loss, sort=sort, on_duplicate=policy)
    assert curve.loss.tolist() == kept
    assert curve.notes == (f"duplicate steps: dropped 2 points and kept what was logged {policy}",)


def test_a12_indices_of_duplicates_are_those_of_the_input():
    with pytest.raises(ValueError, match="step 3 at index 2 is a duplicate of index 0"):
        run([3, 1, 3], np.ones(3), sort=True)


def test_a12_resumed_log_is_the_clean_log():
    steps, loss = resumed(30)
    with pytest.raises(ValueError, match=r"step at index 12 goes back from 55 to 30 .* duplicate"):
        run(steps, loss)
    assert run(steps, loss, on_duplicate="last") == CLEAN


def test_a12_superseded_tail_goes_even_where_it_is_not_logged_again():
    curve = run([0, 5, 10, 15, 7, 12], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], on_duplicate="last")
    assert curve.steps.tolist() == [0, 5, 7, 12]
    assert curve.notes == ("restarted at step 7: dropped 2 points and kept what was logged last",)


def test_a12_first_keeps_the_restarted_run_from_where_the_log_had_not_been():
    curve = run([0, 5, 10, 5, 10, 15], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], on_duplicate="first")
    assert curve.steps.tolist() == [0, 5, 10, 15]
    assert curve.loss.tolist() == [6.0, 5.0, 4.0, 1.0]


def test_a13_three_restarts():
    steps, loss = resumed(30, 65, 20)
    assert np.sum(np.diff(steps) < 0) == 3
    segments = "4 segments: 0 to 55, 30 to 85, 65 to 95, 20 to 95"
    with pytest.raises(ValueError, match=segments):
        run(steps, loss)
    curve = run(steps, loss, on_duplicate="last")
    assert curve == CLEAN
    assert curve.notes[0].startswith("restarted at step 30, 65, 20: dropped")


def test_a13_many_segments_are_cut_short():
    with pytest.raises(ValueError, match="10 segments: 9 to 9, 8 to 8, 7 to 7, 6 to 6, …"):
        run(np.arange(10)[::-1], np.ones(10))


def test_a14_any_spacing_is_fine():
    assert run([3, 4, 1000, 10**12], np.ones(4)).steps.tolist() == [3, 4, 1000, 10**12]


@pytest.mark.parametrize("loss", [LOSS[:-1], LOSS[:1]])
def test_a15_a16_lengths_must_agree(loss):
    with pytest.raises(ValueError, match=f"curve 'a'.*step has 20, loss has {len(loss)}"):
        run(loss=loss)
    with pytest.raises(ValueError, match=f"loss has 20, grad has {len(loss)}"):
        run(columns={"grad": loss})


def test_a17_two_dimensional_loss():
    with pytest.raises(ValueError, match=r"curve 'a': loss has shape \(20, 1\)"):
        run(loss=LOSS[:, None])


@pytest.mark.parametrize("loss", [LOSS + 0j, LOSS.astype(str), LOSS > 2.1])
def test_a18_a19_a20_types(loss):
    with pytest.raises(TypeError, match="curve 'a': loss at index 0 is"):
        run(loss=loss)


def test_a23_read_only_input_and_read_only_curve():
    steps, loss = STEPS.copy(), LOSS.copy()
    steps.setflags(write=False)
    loss.setflags(write=False)
    curve = run(steps, loss, columns={"grad": loss})
    for array in (curve.steps, curve.loss, curve.columns["grad"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a25_masked_loss_is_missing():
    loss = np.ma.array(LOSS, mask=STEPS == 35)
    with pytest.raises(ValueError, match="curve 'a': loss at index 7 is nan"):
        run(loss=loss)
    assert len(run(loss=loss, nan_policy="omit")) == 19


def test_a27_curve_does_not_follow_its_input():
    steps, loss, grad = STEPS.copy(), LOSS.copy(), LOSS.copy()
    before = [array.tobytes() for array in (steps, loss, grad)]
    curve = run(steps, loss, sort=True, on_duplicate="last", columns={"grad": grad})
    assert [array.tobytes() for array in (steps, loss, grad)] == before
    steps[0], loss[0], grad[0] = 3, 9, 9
    assert curve == run(columns={"grad": LOSS})


def test_a36_sizes_above_64_bits():
    curve = run([0, 9], [2.0, 1.0], params=10**25, tokens_per_step=10**20)
    assert curve.params == 1e25
    assert curve.tokens.tolist() == [1e20, 1e21]


def test_a37_step_above_2_53():
    with pytest.raises(ValueError, match="curve 'a': step at index 1 is "):
        run([0, 2**53 + 1], [1.0, 1.0])


def test_step_beyond_the_schedule():
    lr = np.full(95, 1e-3)
    message = r"curve 'a': step 95 is beyond the schedule.* ends at step 94 \(0-based, 95 steps\)"
    with pytest.raises(ValueError, match=message):
        run(schedule=lr)
    curve = run(STEPS[:-1], LOSS[:-1], schedule=lr)
    assert isinstance(curve.schedule, Schedule)
    assert curve.schedule.steps == 95
    with pytest.raises(ValueError, match=r"ends at step 0 \(0-based, 1 step\)"):
        run(schedule=[1e-3])
    schedule = Schedule(np.full(96, 1e-3))
    assert run(schedule=schedule).schedule is schedule


def test_errors_of_a_rate_array_name_the_curve():
    with pytest.raises(ValueError, match=r"^curve 'a': schedule: lr at step 1 is -2\.0"):
        run(schedule=[1.0, -2.0])
    with pytest.raises(TypeError, match="curve 'a': schedule: lr is a str"):
        run(schedule="cosine")


def test_columns_are_a_mapping_by_name():
    with pytest.raises(TypeError, match=r"curve 'a': columns is \['grad'\]; expected a mapping"):
        run(columns=["grad"])
    with pytest.raises(TypeError, match="curve 'a': column name is 3; expected a string"):
        run(columns={3: LOSS})


def test_options_are_checked():
    with pytest.raises(ValueError, match="on_duplicate 'lst' is unknown; did you mean 'last'"):
        run(on_duplicate="lst")
    with pytest.raises(ValueError, match="nan_policy 'drop' is unknown"):
        run(nan_policy="drop")
    with pytest.raises(TypeError, match="name is None; expected a string"):
        Curve([0], [1.0], name=None)
    with pytest.raises(ValueError, match="curve 'a': columns has 'loss'"):
        run(columns={"loss": LOSS})
    with pytest.raises(ValueError, match="curve 'a': tokens_per_step is None"):
        _ = CLEAN.tokens


def test_columns_follow_their_points():
    grad = LOSS.copy()
    grad[3] = np.nan
    with pytest.raises(ValueError, match="curve 'a': grad at index 3 is nan"):
        run(columns={"grad": grad})
    curve = run(columns={"grad": grad}, nan_policy="omit")
    assert curve.notes == ("dropped 1 point with loss or grad not finite",)
    assert curve.columns["grad"].tolist() == curve.loss.tolist()


def test_columns_may_be_a_data_frame():
    frame = pytest.importorskip("pandas").DataFrame({"grad": LOSS})
    assert run(columns=frame) == run(columns={"grad": LOSS})


def test_early_steps_can_be_skipped():
    curve = run(columns={"grad": LOSS}, tokens_per_step=2)
    late = curve.skip(21)
    assert late.steps[0] == 25
    assert late.columns["grad"].tolist() == late.loss.tolist() == LOSS[5:].tolist()
    assert late.notes == ("skipped 5 points before step 21",)
    assert late.tokens[0] == 52
    assert len(curve) == 20
    assert curve.skip(25) == curve.after(20) == late
    assert curve.skip(0).notes == ()
    with pytest.raises(
        ValueError, match="curve 'a' has 0 points at step 96 or later; its last is 95"
    ):
        curve.after(95)
    with pytest.raises(ValueError, match="steps is -1"):
        curve.skip(-1)


@pytest.mark.parametrize("bad", ["a", None, 1.5])
def test_after_names_the_step_as_given(bad):
    with pytest.raises((TypeError, ValueError), match=f"curve 'a': step is {bad!r}; expected"):
        CLEAN.after(bad)
    assert CLEAN.after(-1) == CLEAN


def test_curve_is_immutable():
    with pytest.raises(AttributeError, match="immutable: can't set 'name'"):
        CLEAN.name = "b"
    with pytest.raises(AttributeError, match="immutable: can't delete 'loss'"):
        del CLEAN.loss
    with pytest.raises(TypeError):
        CLEAN.columns["x"] = LOSS


def test_curves_are_immutable():
    curves = Curves([CLEAN])
    with pytest.raises(AttributeError, match="immutable: can't set '_curves'"):
        curves._curves = {}
    with pytest.raises(AttributeError, match="immutable: can't delete '_curves'"):
        del curves._curves
    for other in (copy.copy(curves), copy.deepcopy(curves)):
        assert other == curves == Curves([CLEAN])


def test_copies_and_pickles_are_equal_and_read_only():
    curve = run(schedule=np.full(100, 1e-3), params=10, columns={"grad": LOSS})
    for other in (pickle.loads(pickle.dumps(curve)), copy.copy(curve), copy.deepcopy(curve)):
        assert other == curve
        assert hash(other) == hash(curve)
        assert not other.loss.flags.writeable
    curves = Curves([curve, CLEAN.skip(5), Curve([0], [1.0])][::2])
    assert pickle.loads(pickle.dumps(curves)) == curves


def test_equality():
    assert run() == CLEAN
    assert run(params=1) != CLEAN
    assert run(loss=LOSS + 1) != CLEAN
    assert run(columns={"grad": LOSS}) != CLEAN
    assert run(schedule=np.ones(100)) != CLEAN
    assert CLEAN != "a"


def test_repr():
    assert repr(CLEAN) == "<Curve 'a': 20 points, steps 0 to 95, loss 2.316 to 2.098 nats>"
    curve = run(schedule=np.ones(100), params=25152, loss_unit="bits")
    assert repr(Curves([curve, Curve([4], [1.0])])) == (
        "<Curves: 2>\n"
        "  a        20 points, steps 0 to 95 of 100, loss 2.316 to 2.098 bits, 25152 params\n"
        "  curve 1  1 point, steps 4 to 4, loss 1 to 1 nats"
    )
    many = repr(Curves(Curve([0], [1.0]) for _ in range(25)))
    assert many.count("\n") == 21
    assert many.endswith("… and 5 more")
    assert repr(Curves([])) == "<Curves: 0>"


def test_curves_are_found_by_position_and_name():
    b, unnamed = Curve([0], [1.0], name="b"), Curve([0], [1.0])
    curves = Curves(iter([CLEAN, b, unnamed]))
    assert curves.names == ("a", "b", "curve 2")
    assert len(curves) == 3
    assert curves[0] is curves["a"] is CLEAN
    assert curves[-1].name == "curve 2"
    assert unnamed.name == ""
    assert curves[:2] == Curves([CLEAN, b]) == curves[["a", "b"]] == curves[[0, 1]]
    assert hash(curves[:2]) == hash(curves[[0, 1]])
    assert [curve.name for curve in reversed(curves)] == ["curve 2", "b", "a"]
    assert "b" in curves
    assert b in curves
    assert "c" not in curves
    with pytest.raises(ValueError, match="name 'curve2' is unknown; did you mean 'curve 2'"):
        curves["curve2"]
    with pytest.raises(IndexError):
        curves[3]


def test_names_of_curves_are_unique():
    with pytest.raises(ValueError, match="name 'a' at index 1 is taken by index 0"):
        Curves([CLEAN, CLEAN])
    with pytest.raises(ValueError, match="name 'curve 1' at index 1 is taken"):
        Curves([Curve([0], [1.0], name="curve 1"), Curve([0], [1.0])])


@pytest.mark.parametrize("bad", [CLEAN, None, 3])
def test_curves_take_an_iterable(bad):
    kind = type(bad).__name__
    with pytest.raises(TypeError, match=f"^curves: expected an iterable of Curve, not {kind}$"):
        Curves(bad)


def test_as_curves():
    curves = Curves([CLEAN])
    assert as_curves(curves) is curves
    assert as_curves(CLEAN) == as_curves([CLEAN]) == as_curves(iter([CLEAN])) == curves
    with pytest.raises(ValueError, match="got 0 curves"):
        as_curves([])
    for bad in (None, 3, "runs", {"a": CLEAN}):
        with pytest.raises(TypeError, match="expected a Curve or an iterable of Curve, not "):
            as_curves(bad)
    with pytest.raises(TypeError, match="element 1 is a float, not a Curve"):
        as_curves([CLEAN, 1.0])
