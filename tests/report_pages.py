"""Hands for the what-if panel of a report, and what it must say."""

import json
import re

import numpy as np
import pytest

import lawfit as lf
from browser import find_browser

needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")


def drag(page, name, value):
    """Move a slider to a value on its own scale, as a hand would."""
    page.evaluate(
        f"{{ const slider = document.querySelector('input[name={name}]');"
        f"slider.value = {value!r}; slider.dispatchEvent(new Event('input')); }}"
    )
    page.settle()


def choose(page, label, option):
    page.evaluate(
        "{ const select = [...document.querySelectorAll('label')]"
        f".find(l => l.textContent.startsWith({json.dumps(label)})).querySelector('select');"
        f"select.value = [...select.options].find(o => o.text === {json.dumps(option)}).value;"
        "select.dispatchEvent(new Event('change')); }"
    )
    page.settle()


def told(page):
    """What the panel says: its plan as a schedule, steps, losses and interval."""
    found = page.evaluate(
        "(text => ({at: lawfit.at, loss: text(lawfit.loss), low: text(lawfit.low),"
        " high: text(lawfit.high), plan: lawfit.plan,"
        " code: document.querySelector('code.plan').textContent}))"
        "(values => values && [...values].map(String))"  # JSON has no infinity
    )
    for key in ("loss", "low", "high"):
        found[key] = None if found[key] is None else np.array(found[key], dtype=np.float64)
    text = re.fullmatch(r"lf\.schedules\.wsd\((.*)\)", found["code"])[1]
    pairs = (pair.split("=") for pair in text.split(", "))
    words = {"True": True, "False": False}
    keywords = {k: words[v] if v in words else json.loads(v) for k, v in pairs}
    return found, lf.schedules.wsd(**keywords)


def check_forecast(page, fit, *, params=None, tokens_per_step=None, intervals=True):
    found, schedule = told(page)
    sizes = {"params": params, "tokens_per_step": tokens_per_step}
    at = found["at"]
    assert at[-1] == schedule.steps - 1
    expected = fit.predict(schedule, at=at, **sizes)
    np.testing.assert_allclose(found["loss"], expected, rtol=0, atol=1e-6)
    if intervals:
        finite = np.isfinite(expected)
        assert finite.sum() >= expected.size - 1
        low, high = fit.interval(schedule, at=at, **sizes)
        np.testing.assert_allclose(found["low"][finite], low[finite], rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["high"][finite], high[finite], rtol=0, atol=1e-6)
    return found, schedule
