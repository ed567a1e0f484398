"""What a report says of a fit in plain words."""

import re

import numpy as np
import pytest

import lawfit as lf
from lawfit.report.words import plain_words
from lawfit.views import residuals


@pytest.fixture(scope="module")
def curves():
    return lf.samples.curves()[["constant_4000", "cosine_4000"]]


def said(fit, data):
    return " ".join(plain_words(fit, residuals(fit, data)))


def test_words_about_what_the_data_leave_open(curves):
    run = curves["constant_4000"].skip(600)
    text = said(lf.fit("annealing", run), run)
    assert "C" in text
    assert re.search(r"The data (say nothing of|cannot tell)|sits at its", text)


def test_words_about_bounds_and_few_points():
    x = np.arange(1.0, 9.0)
    fit = lf.fit("power", {"x": x, "y": 3 * x**-0.5}, bounds={"b": (0.6, 2)})
    text = said(fit, {"x": x, "y": 3 * x**-0.5})
    assert "b sits at its lower bound, 0.6." in text
    assert "8 points for 3 free parameters are few" in text
    exact = {"x": x[:3], "y": np.array([3.0, 2.0, 1.9])}
    text = said(lf.fit("power", exact), exact)
    assert "3 points for 3 free parameters: the law can go through every one" in text


def test_words_about_points_that_err_together():
    x = np.linspace(1, 100, 200)
    smooth = {"x": x, "y": (3 * x**-0.5 + 1) * np.exp(0.02 * np.sin(x / 6))}
    assert "Neighbouring points of a run err together" in said(lf.fit("power", smooth), smooth)
    rough = {
        **smooth,
        "y": (3 * x**-0.5 + 1) * np.exp(np.random.default_rng(0).normal(0, 0.02, 200)),
    }
    assert said(lf.fit("power", rough), rough) == ""


def test_words_about_a_held_lambda(curves):
    annealing = lf.fit("annealing", curves, skip_steps=600)
    assert "lam was held at 0.999" in said(annealing, curves)
    freed = lf.fit("annealing", curves, skip_steps=600, fixed={"lam": None})
    assert "lam was held" not in said(freed, curves)
