"""D15: a forecaster in a training loop, as far as there are promises: losses that are none."""

import math

import numpy as np
import pytest

import lawfit as lf
from runtime_problem import problem

CURVE = problem()[0]
NAN = (math.nan, math.inf, -math.inf, np.float32("nan"), np.array(math.nan), None)


@pytest.mark.parametrize("law", ["annealing", "multi_power"])
@pytest.mark.parametrize("mode", ["exact"])
def test_d15_a_loss_that_is_none_is_left_out_and_counted(law, mode):
    points = list(zip(CURVE.steps.tolist(), CURVE.loss.tolist(), strict=True))[::50]
    clean, spoilt = (lf.Forecaster(law, CURVE.schedule, mode=mode) for _ in range(2))
    for k, (step, loss) in enumerate(points):
        clean.update(step, loss)
        spoilt.update(step, loss)
        if k < len(NAN):
            spoilt.update(step + 1, NAN[k])
    assert spoilt.skipped == len(NAN)
    assert clean.skipped == 0
    assert spoilt.n == clean.n
    assert dict(spoilt.params) == dict(clean.params)
    assert spoilt.forecast().loss == clean.forecast().loss


@pytest.mark.parametrize("law", ["annealing", "multi_power"])
def test_d15_what_an_update_refuses_leaves_the_forecaster_as_it_was(law):
    forecaster = lf.Forecaster(law, CURVE.schedule)
    forecaster.update_many(CURVE.steps[:200:20], CURVE.loss[:200:20])
    before = dict(forecaster.params), forecaster.n, forecaster.skipped
    last = int(CURVE.steps[180])
    for step, loss, message in [
        (last, 2.5, f"step {last} does not come after step {last}"),
        (10**6, 2.5, "step 1000000 is beyond the schedule"),
        (last + 1, -1.0, f"loss at step {last + 1} is -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            forecaster.update(step, loss)
    with pytest.raises(TypeError, match="loss is 'nan'"):
        forecaster.update(last + 1, "nan")
    assert (dict(forecaster.params), forecaster.n, forecaster.skipped) == before
