"""Formulas of a few numbers: published values, inverses, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lawfit as lf

POSITIVE = st.floats(1e-3, 1e12)


def test_published_offload_efficiency():
    assert lf.offload_efficiency(196608, 3e9, 70e12) == pytest.approx(0.894, abs=5e-4)


@given(efficiency=st.floats(0.001, 0.999), ait=POSITIVE, peak=POSITIVE)
def test_offload_functions_are_inverse(efficiency, ait, peak):
    bandwidth = lf.offload_bandwidth(efficiency, ait, peak)
    assert lf.offload_efficiency(ait, bandwidth, peak) == pytest.approx(efficiency, rel=1e-12)


def test_offload_over_columns():
    found = lf.offload_efficiency([1.0, 2.0, 4.0], 5.0, np.array([5.0, 10.0, 20.0]))
    np.testing.assert_array_equal(found, 0.5)
    np.testing.assert_allclose(lf.offload_bandwidth([0.5, 0.8], 1.0, 5.0), [5, 20])
    assert lf.offload_efficiency(1.0, 0.0, 5.0) == 0
    assert lf.offload_efficiency(1e200, 1e200, 1.0) == 1


def test_attack_resistance_is_bits_in_over_bits_out():
    # 2 tokens of 2**10 words for the 5 bits of each of 8 activations
    assert lf.attack_resistance(2.0, dimension=8, vocabulary=1024, bits=5) == 2.0
    column = lf.attack_resistance([2.0, 4.0], dimension=[8, 8], vocabulary=1024, bits=5)
    np.testing.assert_array_equal(column, [2.0, 1.0])


def test_mixture_is_a_line_in_log_scale():
    two = (1e8, 3.0, 1e9, 2.5)
    assert lf.mixture_at_scale(1e8, *two) == pytest.approx(3.0, rel=1e-15)
    assert lf.mixture_at_scale(1e9, *two) == 2.5
    found = lf.mixture_at_scale([1e7, 1e10, 1e11], *two)
    np.testing.assert_allclose(found, [3.5, 2.0, 1.5])
    mixtures = lf.mixture_at_scale(1e10, 1e8, [3.0, 4.0], 1e9, [2.5, 3.0])
    np.testing.assert_allclose(mixtures, [2.0, 2.0])


@pytest.mark.parametrize(
    ("options", "params", "activations"),
    [
        ({"rule": "fast", "alpha": 0.8}, 0.9, 0.6),
        ({"rule": "fast"}, 0.9, 0.6),
        ({"rule": "uniform"}, 2 / 3, 5 / 6),
        ({"rule": "width"}, 1.0, 0.5),
        ({"rule": "depth"}, 1.0, 1.0),
        ({"resolution": 1}, 0.0, 1.0),
        ({"depth": 0.5, "width": 0.25, "resolution": 0.25}, 0.75, 0.875),
    ],
)
def test_published_network_exponents(options, params, activations):
    found = lf.network_scaling(16.0, **options)
    assert found.params_exponent == pytest.approx(params, rel=1e-15)
    assert found.activations_exponent == pytest.approx(activations, rel=1e-15)
    assert found.params == pytest.approx(16**params)
    assert found.activations == pytest.approx(16**activations)


@given(s=st.floats(0.01, 1e4), alpha=st.floats(0, 1))
def test_network_factors_multiply_to_the_flops(s, alpha):
    found = lf.network_scaling([s], rule="fast", alpha=alpha)
    # a convolution's FLOPs, weights and outputs by depth, width and resolution
    np.testing.assert_allclose(found.depth * found.width**2 * found.resolution**2, s, rtol=1e-12)
    np.testing.assert_allclose(found.params, found.depth * found.width**2, rtol=1e-12)
    outputs = found.depth * found.width * found.resolution**2
    np.testing.assert_allclose(found.activations, outputs, rtol=1e-12)
    assert found.params_exponent == pytest.approx((1 + alpha) / 2)
    assert found.activations_exponent == pytest.approx(1 - alpha / 2)


@pytest.mark.parametrize(("x0", "alpha"), [(8e1, 0.24), (1.8e-8, 0.19), (2.9e47, 0.016)])
def test_power_law_inverse_undoes_the_law(x0, alpha):
    x = np.geomspace(x0 * 1e-3, x0 * 1e6, 10)
    np.testing.assert_allclose(
        lf.power_law_inverse((x0 / x) ** alpha, x0=x0, alpha=alpha), x, rtol=1e-11
    )


def test_power_law_inverse_beyond_floats_is_infinite():
    assert lf.power_law_inverse(1e-8, x0=1e47, alpha=0.016) == math.inf


def test_mutual_information_and_infogain():
    assert lf.mutual_information(1e6, lam=0.5, Nc=1e6) == 0
    assert lf.mutual_information(math.e * 1e6, lam=0.5, Nc=1e6) == pytest.approx(0.5)
    found = lf.mutual_information([1e6, 1e7, 1e8], lam=2 / math.log(10), Nc=1e6)
    np.testing.assert_allclose(found, [0, 2, 4], atol=1e-12)
    np.testing.assert_allclose(lf.infogain(found, 8.0), [0, 0.25, 0.5], atol=1e-12)
    assert lf.infogain(0.0, 3.0) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lf.offload_efficiency(0, 1, 1), ValueError, "ait is 0; expected .* > 0"),
        (lambda: lf.offload_efficiency(1, [1, -1], 1), ValueError, "bandwidth at index 1 is -1.0"),
        (lambda: lf.offload_efficiency([1, 2], [1, 2, 3], 1), ValueError, "ait has 2, bandwidth"),
        (lambda: lf.offload_efficiency(1, 1, True), TypeError, "peak is True"),
        (lambda: lf.offload_efficiency(1, 1, [[1], [1, 2]]), TypeError, "offload_eff.*: peak"),
        (lambda: lf.offload_efficiency(1, 1, [[1.0]]), ValueError, r"peak has shape \(1, 1\)"),
        (lambda: lf.offload_bandwidth(1, 1, 1), ValueError, "efficiency is 1; expected"),
        (lambda: lf.offload_bandwidth([0.5, 0], 1, 1), ValueError, "efficiency at index 1 is 0"),
        (lambda: lf.offload_bandwidth(math.nan, 1, 1), ValueError, "efficiency is nan"),
        (lambda: lf.attack_resistance(0, dimension=1, vocabulary=2), ValueError, "kappa is 0"),
        (lambda: lf.attack_resistance(1, dimension=1, vocabulary=1), ValueError, "vocabulary is 1"),
        (lambda: lf.attack_resistance(1, dimension=-1, vocabulary=2), ValueError, "dimension is"),
        (lambda: lf.mixture_at_scale(1, 2, 3, 2, 3), ValueError, r"N1 is 2\.0, as is N0"),
        (lambda: lf.mixture_at_scale([1, 0], 2, 3, 4, 3), ValueError, "N at index 1 is 0"),
        (lambda: lf.mixture_at_scale(1, [2], 3, 4, 3), TypeError, "N0 is an array"),
        (lambda: lf.mixture_at_scale(1, 2, "3", 4, 3), TypeError, "loss0 is '3'"),
        (lambda: lf.network_scaling(0, rule="fast"), ValueError, "s is 0"),
        (lambda: lf.network_scaling(2), TypeError, "give a rule or shares"),
        (lambda: lf.network_scaling(2, rule="width", depth=1), TypeError, "give a rule or shares"),
        (lambda: lf.network_scaling(2, rule="wide"), ValueError, "did you mean 'width'"),
        (lambda: lf.network_scaling(2, rule="width", alpha=0.5), TypeError, "alpha: only the rule"),
        (lambda: lf.network_scaling(2, rule="fast", alpha=2), ValueError, "alpha is 2"),
        (lambda: lf.network_scaling(2, depth=0.5, width=0.4), ValueError, "add up to 0.9"),
        (lambda: lf.network_scaling(2, depth=1.5, width=-0.5), ValueError, "depth is 1.5"),
        (lambda: lf.power_law_inverse(0, x0=1, alpha=1), ValueError, "reducible is 0"),
        (lambda: lf.power_law_inverse(1, x0=1, alpha=[1, -1]), ValueError, "alpha at index 1"),
        (lambda: lf.mutual_information(1, lam=1, Nc=2), ValueError, r"N is 1, below Nc"),
        (lambda: lf.mutual_information([3, 1], lam=1, Nc=2), ValueError, "N at index 1 is 1,"),
        (lambda: lf.infogain(3, 3), ValueError, "information is 3; expected it below the text's"),
        (lambda: lf.infogain([1, 4], 3), ValueError, "information at index 1 is 4"),
        (lambda: lf.infogain(-1, 3), ValueError, "information is -1"),
    ],
)
def test_refusals_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_answers_beyond_floats_are_infinite():
    assert lf.offload_bandwidth(0.5, 1e-300, 1e300) == math.inf
    assert lf.attack_resistance(1e-300, dimension=1e300, vocabulary=2) == math.inf
    assert lf.mutual_information(1e300, lam=1e308, Nc=1e-300) == math.inf


def test_ratios_beyond_floats_have_logarithms():
    assert lf.mutual_information(1e300, lam=1.0, Nc=1e-300) == pytest.approx(600 * math.log(10))
    assert lf.mixture_at_scale(1.0, 1e-200, 3.0, 1e200, 2.0) == pytest.approx(2.5)
