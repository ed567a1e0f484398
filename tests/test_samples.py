"""The sample curves that come with the package."""

from importlib import resources

import numpy as np
import pytest

from lawfit import samples

SIZES = (25152, 56160, 149184)


@pytest.mark.parametrize("params", SIZES)
def test_every_size_has_its_curves(params):
    curves = samples.curves(params)
    assert curves.names == (
        "constant_4000",
        "cosine_4000",
        "cosine_8000",
        "cyclic_4000",
        "linear_4000",
        "twostage_4000",
        "wsd_4000",
        "wsdexp_4000",
    )
    for curve in curves:
        assert curve.notes == ()
        assert curve.params == params
        assert curve.loss_unit == "nats per byte"
        assert curve.schedule.steps == int(curve.name.rpartition("_")[2])
        assert curve.schedule.warmup == 200
        assert curve.steps.tolist() == list(range(24, curve.schedule.steps, 25))
        assert curve.tokens[-1] == curve.schedule.steps * 1024
        assert curve.loss[0] > 4 > 2.5 > curve.loss[-1] > 1


@pytest.mark.parametrize("params", SIZES)
def test_schedules_have_the_logged_rates(params):
    for curve in samples.curves(params):
        file = resources.files(samples) / str(params) / f"{curve.name}.csv"
        logged = np.loadtxt(file.read_text().splitlines()[1:], delimiter=",")
        np.testing.assert_allclose(curve.schedule.at(logged[:, 0]), logged[:, 1], rtol=1e-8)
        np.testing.assert_array_equal(curve.loss, logged[:, 2])


def test_sizes():
    assert samples.sizes() == SIZES
    assert samples.curves() == samples.curves(25152)
    with pytest.raises(ValueError, match=r"samples: params is 25; expected one of \(25152, "):
        samples.curves(25)
    with pytest.raises(TypeError, match="samples: params is '25152'; expected a whole number"):
        samples.curves("25152")
