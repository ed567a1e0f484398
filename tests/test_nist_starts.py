"""NIST's nonlinear sets from each of their two starts: that a search ends at the minimum."""

import json
from pathlib import Path

import pytest

import lawfit as lf
from nist_data import nist, nist_names

HUBER = json.loads((Path(__file__).parent / "golden" / "nist_huber.json").read_text())
# Digits of the certified values, which have about 11, that a run must agree to.
DIGITS = 10


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", nist_names())
def test_squares_end_at_the_certified_values(name, start):
    data = nist(name)
    fit = lf.fit(
        data.law, data.data, loss="squared", space="linear", starts=data.start(start), threads=1
    )
    assert fit.status == "converged"
    assert data.digits(list(fit.params.values()), data.certified) >= DIGITS
    assert fit.evaluations < 250


# Of Lanczos1, left out, rounding in the residuals is a hundredth of delta.
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", list(HUBER))
def test_huber_ends_at_the_reference(name, start):
    data, reference = nist(name), HUBER[name]
    fit = lf.fit(
        data.law,
        data.data,
        loss="huber",
        delta=reference["delta"],
        space="linear",
        starts=data.start(start),
        threads=1,
    )
    assert fit.status == "converged"
    assert fit.objective == pytest.approx(float(reference["objective"]), rel=1e-9, abs=0)
    found = list(fit.params.values())
    assert data.digits(found, [float(digits) for digits in reference["parameters"]]) >= 5


def test_references_are_of_every_set_but_one():
    assert set(nist_names()) - set(HUBER) == {"Lanczos1"}
