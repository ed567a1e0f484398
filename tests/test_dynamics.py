"""Curves of checkpoints aligned on what they share: grids, interpolation, agreement."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.interpolate import PchipInterpolator

import lawfit as lf
from lawfit.derived._interpolation import monotone_cubic

FEW = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def points(draw):
    n = draw(st.integers(2, 12))
    width = draw(st.lists(st.floats(0.01, 10), min_size=n - 1, max_size=n - 1))
    y = draw(st.lists(st.integers(-5, 5) | st.floats(-5, 5), min_size=n, max_size=n))
    return np.concatenate([[-1.0], -1 + np.cumsum(width)]), np.array(y, dtype=float)


@FEW
@given(points())
def test_monotone_cubic_is_pchip(data):
    x, y = data
    at = np.linspace(x[0], x[-1], 50)
    at[-1] = x[-1]
    with np.errstate(over="ignore"):  # scipy divides by slopes next to 0
        want = PchipInterpolator(x, y)(at)
    assert monotone_cubic(x, y, at) == pytest.approx(want, abs=1e-9)
    assert monotone_cubic(x, y, x) == pytest.approx(y, abs=1e-12)


@FEW
@given(points())
def test_interpolation_never_overshoots(data):
    x, y = data
    for i in range(len(x) - 1):
        between = monotone_cubic(x, y, np.linspace(x[i], x[i + 1], 20))
        low, high = sorted(y[i : i + 2])
        assert ((between >= low - 1e-9) & (between <= high + 1e-9)).all()


def accuracy_of(loss):
    return 0.25 + 0.6 / (1 + np.exp(4 * (loss - 2.5)))


def run(size, checkpoints=40):
    """Return a synthetic run whose accuracy depends on its loss alone."""
    tokens = np.logspace(8, 11, checkpoints)
    loss = 1.7 + 400 * size**-0.34 + 410 * tokens**-0.28
    return {
        "tokens": tokens,
        "compute": 6 * size * tokens,
        "loss": loss,
        "accuracy": accuracy_of(loss),
    }


RUNS = {"100M": run(1e8), "1B": run(1e9), "7B": run(7e9)}


def test_states_that_depend_on_loss_alone_coincide_on_it():
    on_loss = lf.align_dynamics(RUNS, on="loss", metric="accuracy")
    on_tokens = lf.align_dynamics(RUNS, on="tokens", metric="accuracy")
    assert on_loss.mean_difference < 1e-4
    assert on_tokens.mean_difference > 0.02
    assert on_loss.mean_rank_correlation == pytest.approx(1)
    assert on_loss.values[0] == pytest.approx(accuracy_of(on_loss.grid), abs=1e-4)


def test_the_grid_lies_within_what_every_run_reaches():
    for on in ("loss", "compute", "tokens"):
        found = lf.align_dynamics(RUNS, on=on, metric="accuracy", points=7)
        assert found.grid[0] == pytest.approx(max(r[on].min() for r in RUNS.values()))
        assert found.grid[-1] == pytest.approx(min(r[on].max() for r in RUNS.values()))
        spaced = found.grid if on == "loss" else np.log(found.grid)
        assert np.diff(spaced) == pytest.approx(np.ptp(spaced) / 6)
        assert found.values.shape == (3, 7)


def test_scores_are_scipys():
    rng = np.random.default_rng(0)
    tokens = np.arange(1.0, 31)
    runs = {name: {"tokens": tokens, "score": rng.normal(size=30)} for name in "abc"}
    found = lf.align_dynamics(runs, on="tokens", metric="score", points=25)
    pairs = list(found.pairs())
    assert [(a, b) for a, b, *_ in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for a, b, correlation, difference in pairs:
        u, v = (found.values["abc".index(name)] for name in (a, b))
        assert correlation == pytest.approx(stats.spearmanr(u, v).statistic)
        assert difference == pytest.approx(np.abs(u - v).mean())
    assert found.mean_difference == pytest.approx(np.mean([p[3] for p in pairs]))
    assert found.mean_rank_correlation == pytest.approx(np.mean([p[2] for p in pairs]))


def test_a_constant_metric_has_no_rank_correlation_and_is_counted():
    tokens = [1.0, 2.0, 4.0]
    runs = {
        "a": {"tokens": tokens, "score": [0.0, 1.0, 2.0]},
        "b": {"tokens": tokens, "score": [1.0, 1.0, 1.0]},
        "c": {"tokens": tokens, "score": [2.0, 1.0, 0.0]},
    }
    found = lf.align_dynamics(runs, on="tokens", metric="score")
    assert found.constant_pairs == 2
    assert found.mean_rank_correlation == pytest.approx(-1)
    assert "2 pairs constant" in repr(found)
    flat = lf.align_dynamics({"a": runs["b"], "b": runs["b"]}, on="tokens", metric="score")
    assert np.isnan(flat.mean_rank_correlation)
    assert flat.mean_difference == 0


def test_order_of_rows_does_not_matter_and_equal_positions_are_averaged():
    shuffled = {"loss": [2.0, 3.0, 2.5, 2.5], "score": [3.0, 1.0, 1.5, 2.5]}
    plain = {"loss": [3.0, 2.5, 2.0], "score": [1.0, 2.0, 3.0]}
    found = lf.align_dynamics({"a": shuffled, "b": plain}, on="loss", metric="score", points=9)
    assert np.array_equal(found.values[0], found.values[1])
    assert shuffled["loss"] == [2.0, 3.0, 2.5, 2.5]


def test_data_frames_are_runs_too():
    pd = pytest.importorskip("pandas")
    runs = {name: pd.DataFrame(data) for name, data in RUNS.items()}
    ours = lf.align_dynamics(RUNS, on="loss", metric="accuracy")
    assert np.array_equal(lf.align_dynamics(runs, on="loss", metric="accuracy").values, ours.values)


GOOD = {"tokens": [1.0, 2.0, 3.0], "score": [0.1, 0.2, 0.3]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"tokens": [1.0, 2.0]}, "run 'b': column 'score' is missing"),
        ({"tokens": [1.0, 2.0], "score": [0.1]}, "run 'b': columns differ in length"),
        ({"tokens": [1.0, np.nan], "score": [0.1, 0.2]}, "run 'b': tokens at index 1 is nan"),
        ({"tokens": [0.0, 1.0], "score": [0.1, 0.2]}, "run 'b': tokens at index 0 is 0.0.*linear"),
        ({"tokens": [1.0, 1.0], "score": [0.1, 0.2]}, "run 'b': tokens has 1 different values"),
        ({"tokens": [3.0, 4.0], "score": [0.1, 0.2]}, "runs 'b' and 'a' share no range of tokens"),
    ],
)
def test_runs_without_a_meaning_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        lf.align_dynamics({"a": GOOD, "b": bad}, on="tokens", metric="score")


def test_options_without_a_meaning_are_refused():
    with pytest.raises(ValueError, match="at least two runs"):
        lf.align_dynamics({"a": GOOD}, on="tokens", metric="score")
    two = {"a": GOOD, "b": GOOD}
    with pytest.raises(ValueError, match="scale 'logarithm' is unknown"):
        lf.align_dynamics(two, on="tokens", metric="score", scale="logarithm")
    with pytest.raises(ValueError, match="scale '' is unknown"):
        lf.align_dynamics(two, on="tokens", metric="score", scale="")
    with pytest.raises(TypeError, match="run 'b' is a int; expected a mapping of columns"):
        lf.align_dynamics({"a": GOOD, "b": 3}, on="tokens", metric="score")
    with pytest.raises(ValueError, match="points is 1"):
        lf.align_dynamics(two, on="tokens", metric="score", points=1)


def test_a_column_that_a_frame_lacks_is_refused():
    frame = pytest.importorskip("polars").DataFrame(GOOD)
    with pytest.raises(ValueError, match="run 'a': column 'skore' is missing; did you mean 'score"):
        lf.align_dynamics({"a": frame, "b": frame}, on="tokens", metric="skore")
