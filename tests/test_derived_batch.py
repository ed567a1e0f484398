"""Steps and tokens of a batch size, against the law that they belong to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf

KAPLAN = {
    "Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76, "Bstar": 2.1e8, "alpha_B": 0.21,
}  # fmt: skip
sizes = st.floats(1e2, 1e9)


def test_a_run_costs_what_its_law_says():
    rows = {"N": [1e8, 1e9], "S": [1e4, 1e5], "B": [1e5, 5e6]}
    loss = lf.predict("kaplan_nsb", KAPLAN, rows)
    critical = lf.critical_batch(loss, KAPLAN["Bstar"], KAPLAN["alpha_B"])
    least = lf.batch_cost(rows["S"], rows["B"], critical)
    plain = {name: KAPLAN[name] for name in ("Nc", "alpha_N", "Sc", "alpha_S")}
    again = lf.predict("kaplan_ns", plain, {"N": rows["N"], "Smin": least.steps})
    np.testing.assert_allclose(again, loss, rtol=1e-13)


@given(sizes, sizes, sizes)
def test_steps_and_tokens_trade_along_a_hyperbola(steps, batch, critical):
    least = lf.batch_cost(steps, batch, critical)
    trade = (steps / least.steps - 1) * (steps * batch / least.tokens - 1)
    assert trade == pytest.approx(1, rel=1e-6)


def test_at_the_critical_batch_both_double():
    assert lf.batch_cost(100, 2e6, 2e6) == pytest.approx((50, 1e8))
    assert lf.critical_batch(1.0, 2.1e8, 0.21) == pytest.approx(2.1e8)
    assert lf.critical_batch([1.0, 2.0], 2.0, 1.0) == pytest.approx([2.0, 1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lf.critical_batch(0, 1, 1), "critical_batch: loss is 0"),
        (lambda: lf.critical_batch([1, -2], 1, 1), "critical_batch: loss at index 1 is -2"),
        (lambda: lf.batch_cost(1, [1, 2], [1, 2, 3]), "batch_cost: .*2.*3"),
        (lambda: lf.batch_cost(1, 1, float("nan")), "batch_cost: critical"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
