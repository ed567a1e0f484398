"""Envelopes and collapse: transforms of measured curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf
from derived_data import chinchilla_fit, chinchilla_loss

POINTS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=30)


@given(POINTS)
def test_envelope_is_what_no_point_beats(points):
    C, loss = (np.array(column, float) for column in zip(*points, strict=True))
    found = lf.envelope({"C": C, "loss": loss})
    beaten = [
        any((c <= C[i] and y < loss[i]) or (c < C[i] and y <= loss[i]) for c, y in points)
        for i in range(len(points))
    ]
    best = {(c, y) for (c, y), lost in zip(points, beaten, strict=True) if not lost}
    assert sorted(best) == list(zip(found.C, found.loss, strict=True))
    np.testing.assert_array_equal(C[found.run], found.C)
    np.testing.assert_array_equal(loss[found.run], found.loss)
    assert (np.diff(found.C) > 0).all()
    assert (np.diff(found.loss) < 0).all()
    assert found.names == ()


def curves():
    """Two runs whose losses cross: the small model is ahead at first."""
    steps = np.arange(0, 1000, 10)
    return lf.Curves(
        lf.Curve(
            steps, floor + 3 * (steps + 1.0) ** -0.4, name=name, params=size, tokens_per_step=100
        )
        for name, size, floor in (("small", 1e6, 2.0), ("large", 4e6, 1.5))
    )


def test_envelope_of_curves_names_the_runs():
    found = lf.envelope(curves())
    assert (found.names[0], found.names[-1]) == ("small", "large")
    assert found.C[0] == 6 * 1e6 * 100
    assert found.C[-1] == 6 * 4e6 * 991 * 100
    assert found.loss[-1] == curves()["large"].loss[-1]
    assert "points of 2 runs" in repr(found)
    cheaper = lf.envelope(curves(), flops_per_param_token=2)
    np.testing.assert_allclose(3 * cheaper.C, found.C)


def test_envelope_of_many_sizes_is_the_compute_optimal_frontier():
    steps = np.unique(np.geomspace(1, 1e6, 400).astype(int))
    tokens = (steps + 1) * 1e5
    runs = [
        lf.Curve(
            steps, chinchilla_loss(size, tokens), name=f"{size:g}", params=size, tokens_per_step=1e5
        )
        for size in np.geomspace(1e6, 1e10, 60)
    ]
    found = lf.envelope(runs)
    inner = (found.C > 1e16) & (found.C < 1e20)
    best = lf.compute_optimal(chinchilla_fit(), found.C[inner], draws=0)
    excess = found.loss[inner] / best.loss - 1
    assert excess.min() > -1e-12
    assert excess.max() < 2e-3
    sizes = np.array([float(name) for name in found.names])[inner]
    np.testing.assert_allclose(np.log(sizes / best.N), 0, atol=0.4)


def test_envelope_refusals():
    with pytest.raises(ValueError, match=r"C at index 1 is 0\.0; expected it above 0"):
        lf.envelope({"C": [1, 0], "loss": [1, 2]})
    with pytest.raises(ValueError, match="column 'loss' is missing"):
        lf.envelope({"C": [1, 2]})
    with pytest.raises(ValueError, match="curve 'a': params is None"):
        lf.envelope(lf.Curve([0, 1], [3, 2], name="a"))
    with pytest.raises(ValueError, match="curve 'a': tokens_per_step is None"):
        lf.envelope(lf.Curve([0, 1], [3, 2], name="a", params=1e6))
    with pytest.raises(ValueError, match="flops_per_param_token is -6"):
        lf.envelope(curves(), flops_per_param_token=-6)


def collapsing(noise=0.0):
    """Runs of three lengths and amplitudes on one normalised curve, x^-0.7, above their floors."""
    rng = np.random.default_rng(2)
    made = []
    for steps, amplitude, floor in ((1000, 0.4, 2.0), (2000, 0.3, 1.8), (5000, 0.2, 1.5)):
        at = np.arange(steps // 20 - 1, steps, steps // 100)
        loss = floor + amplitude * ((at + 1) / steps) ** -0.7
        made.append(lf.Curve(at, loss + rng.normal(0, noise, at.size), name=f"{steps}"))
    return made, {"1000": 2.0, "2000": 1.8, "5000": 1.5}


def test_runs_that_collapse_have_no_spread():
    runs, floors = collapsing()
    found = lf.collapse(runs, floors, n=96)
    assert found.names == ("1000", "2000", "5000")
    np.testing.assert_allclose(found.x, np.linspace(0.05, 1, 96))
    np.testing.assert_allclose(found.curves, np.tile(found.x**-0.7, (3, 1)), rtol=1e-12)
    assert found.spread == pytest.approx(0, abs=1e-12)
    assert "Collapse of 3 runs on 96 points from x = 0.05" in repr(found)


def test_spread_is_that_of_the_curves():
    runs, floors = collapsing(noise=0.01)
    found = lf.collapse(runs, floors, n=96, low=0.1)
    assert found.x[0] == 0.1
    by_hand = []
    for x in found.x:
        values = [
            (np.interp(x, (c.steps + 1) / (c.steps[-1] + 1), c.loss) - floors[c.name])
            / (c.loss[-1] - floors[c.name])
            for c in runs
        ]
        by_hand.append(np.std(values, ddof=1) / np.mean(values))
    np.testing.assert_allclose(found.deviation, by_hand, rtol=1e-10, atol=1e-15)
    assert found.deviation[-1] == 0
    assert found.spread == pytest.approx(np.sqrt(np.mean(np.square(by_hand))))
    assert found.spread > lf.collapse(collapsing(noise=0.001)[0], floors, low=0.1).spread


def test_one_floor_for_all():
    runs, floors = collapsing()
    found = lf.collapse(runs, 1.0, n=2)
    same = lf.collapse(runs, dict.fromkeys(floors, 1.0), n=2)
    np.testing.assert_array_equal(found.curves, same.curves)


def test_collapse_refusals():
    runs, floors = collapsing()
    with pytest.raises(ValueError, match="got 1 curve"):
        lf.collapse(runs[:1], 1.0)
    with pytest.raises(ValueError, match=r"floor is 1\.8; expected it below 1\.7.*curve '5000'"):
        lf.collapse(runs, 1.8)
    with pytest.raises(ValueError, match="floor has none for curve '2000'"):
        lf.collapse(runs, {"1000": 2.0})
    with pytest.raises(ValueError, match=r"low is 0\.01; expected it below 1 and not before 0\.05"):
        lf.collapse(runs, floors, low=0.01)
    with pytest.raises(ValueError, match=r"low is 1\.0; expected"):
        lf.collapse(runs, floors, low=1.0)
    bits = lf.Curve([0, 1], [3, 2], name="b", loss_unit="bits")
    with pytest.raises(ValueError, match="loss_unit is 'bits', but curve '1000' has 'nats'"):
        lf.collapse([*runs, bits], 0.1)
