"""The what-if panel forecasts what Python does, wherever its sliders are."""

import numpy as np
import pytest

import lawfit as lf
from lawfit.report import write_report
from report_pages import check_forecast, choose, drag, needs_browser, told

pytest_plugins = ["report_fixtures"]
pytestmark = needs_browser
WARMUPS = ("peak", "actual", "skip")


def test_the_panel_starts_at_a_runs_own_plan(page, annealing, curves):
    for name in ("cosine_4000", "wsd_4000", "wsdexp_4000", "linear_4000", "constant_4000"):
        choose(page, "Start from", name)
        _, schedule = check_forecast(page, annealing)
        own = curves[name].schedule
        np.testing.assert_allclose(schedule.lr, own.lr, rtol=0, atol=2e-3 * own.peak)
        assert (schedule.steps, schedule.warmup) == (own.steps, own.warmup)


@pytest.mark.parametrize(
    "schedule",
    [
        lf.schedules.constant(steps=1, peak=1e-3),
        lf.schedules.constant(steps=300, peak=1e-3, warmup=300),
        lf.Schedule(np.geomspace(1e-3, 1e-9, 300)),
    ],
    ids=["one step", "all warm-up", "an exponential decay to nearly 0"],
)
def test_unusual_plans_are_a_runs_own_too(browser, annealing, curves, tmp_path, schedule):
    run = lf.Curve([schedule.steps - 1], [2.0], schedule, loss_unit=curves[0].loss_unit)
    changed = annealing.to_dict()
    fit = lf.Fit.from_dict(changed | {"options": changed["options"] | {"skip_steps": 0}})
    write_report(fit, tmp_path / "report.html", run, replay=False)
    page = browser.open(tmp_path / "report.html")
    _, own = check_forecast(page, fit, intervals=False)
    np.testing.assert_allclose(own.lr, schedule.lr, rtol=1e-12)
    assert "the plan of" not in page.evaluate("document.querySelector('.said').textContent")
    page.close()


def test_readers_of_the_screen_are_told_what_sliders_show(page):
    sliders = (
        "[...document.querySelectorAll('#whatif input')].map(slider => [slider.name,"
        " slider.getAttribute('aria-valuetext'), slider.parentNode.querySelector('output').value])"
    )
    drag(page, "decay", 1.0)
    found = {name: (told, seen) for name, told, seen in page.evaluate(sliders)}
    assert found["decay"] == ("never", "never")
    assert {told == seen for told, seen in found.values()} == {True}


def test_sliders_move_the_forecast_to_what_python_predicts(page, annealing):
    choose(page, "Start from", "wsd_4000")
    before, _ = check_forecast(page, annealing)
    moves = [
        ("peak", np.log2(2.2e-3)),
        ("steps", np.log2(6100)),
        ("warmup", 333),
        ("decay", 0.4),
        ("end", 0.25),
    ]
    last = before["loss"][-1]
    for name, value in moves:
        drag(page, name, float(value))
        found, _ = check_forecast(page, annealing)
        assert abs(found["loss"][-1] - last) > 1e-5, name
        last = found["loss"][-1]
    assert found["plan"] | {"peak": 2.2e-3, "steps": 6100, "warmup": 333} == found["plan"]
    assert found["plan"]["decay_start"] == 333 + round(0.4 * (6100 - 333))
    for shape in ("cosine", "1-sqrt", "exponential", "linear"):
        choose(page, "Shape of the decay", shape)
        check_forecast(page, annealing)
    drag(page, "end", 0.0)
    choose(page, "Shape of the decay", "exponential")
    check_forecast(page, annealing)
    for name, value in (("decay", 1.0), ("decay", 0.0), ("warmup", 0), ("steps", -100)):
        drag(page, name, value)
        check_forecast(page, annealing)
    page.evaluate("document.querySelector('button.again').click()")
    page.settle()
    again, _ = check_forecast(page, annealing)
    np.testing.assert_array_equal(again["loss"], before["loss"])


def test_what_it_says_is_what_it_drew(page):
    drag(page, "peak", float(np.log2(2e-3)))
    found, _ = told(page)
    said = page.evaluate("document.querySelector('.said').textContent")
    assert f"Final loss {found['loss'][-1]:.4f} (0.95 interval {found['low'][-1]:.4f}" in said
    assert page.evaluate("document.querySelectorAll('.beware li').length") == 0
    drag(page, "peak", float(np.log2(9e-3)))
    drag(page, "steps", float(np.log2(16000)))
    beware = page.evaluate("document.querySelector('.beware').textContent")
    assert "peak is above that of every fitted run (0.003)" in beware
    assert "4 times as long as the longest fitted one" in beware
    choose(page, "Start from", "twostage_4000")
    assert "another kind of schedule" in page.evaluate(
        "document.querySelector('.beware').textContent"
    )


LAWS = {
    "multi_power": ({"fixed": {"beta": 0.6, "gamma": 0.64}}, {}),
    "convex_bound": ({}, {}),
    "forward_momentum": ({"fixed": {"B": 0.0, "beta": 0.3}}, {"params": 2e7}),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("warmup", WARMUPS)
def test_other_laws_and_conventions(browser, curves, tmp_path, name, warmup):
    options, sizes = LAWS[name]
    fit = lf.fit(name, curves[["cosine_4000", "wsd_4000"]], warmup=warmup, skip_steps=600,
                 space="log", **options)  # fmt: skip
    write_report(fit, tmp_path / "report.html", curves[["cosine_4000", "wsd_4000"]], replay=False)
    page = browser.open(tmp_path / "report.html")
    params = curves[0].params if sizes else None
    determined = bool(np.isfinite(fit.cov).all())
    for values in ({}, {"peak": np.log2(1.7e-3), "decay": 0.7, "end": 0.0}, {"warmup": 0}):
        for slider, value in values.items():
            drag(page, slider, float(value))
        check_forecast(page, fit, params=params, intervals=determined)
    if sizes:
        drag(page, "size", float(np.log2(sizes["params"] / 100)))
        check_forecast(page, fit, params=round(sizes["params"] / 100), intervals=determined)
    assert page.complaints == []
    page.close()


def test_a_decay_whose_last_step_is_at_rate_0(browser, tmp_path):
    schedule = lf.schedules.wsd(
        steps=2000, peak=1e-2, warmup=50, decay_start=1500, end=0, shape="cosine", endpoint=True
    )
    at = np.arange(50, 2000, 13)
    true = {"L0": 2.6, "A": 0.43, "alpha": 0.55, "B": 90.0, "C": 2.0, "beta": 0.6, "gamma": 0.65}
    loss = lf.predict("multi_power", true, schedule, at)
    fit = lf.fit("multi_power", lf.Curve(at, loss, schedule), fixed=dict(list(true.items())[3:]))
    write_report(fit, tmp_path / "report.html", lf.Curve(at, loss, schedule), replay=False)
    page = browser.open(tmp_path / "report.html")
    found, plan = check_forecast(page, fit)
    assert found["plan"]["endpoint"] is True
    assert plan.lr[-1] == 0
    page.close()


def test_every_operation_of_a_formula(browser, tmp_path):
    law = lf.Law(
        "own",
        "L0 + A*exp(-a*sqrt(S1)) - tanh(C)*maximum(minimum(S2(0.99), 9), -9)*abs(cos(1) - sin(1))"
        " + B*(log(1 + lr) + atan(step) + logaddexp(lr, 1) + expit(-lr) + tan(lr) + log1p(D)"
        " + expm1(-lr) + lr**2/N) - (-L0)*0",
        {
            "L0": lf.Parameter(0),
            "A": lf.Parameter(0),
            "a": lf.Parameter(0),
            "C": lf.Parameter(0),
            "B": lf.Parameter(),
        },
    )
    schedule = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_start=2000, ramp="closed")
    steps = np.arange(100, 3000, 20)
    true = {"L0": 2.0, "A": 1.5, "a": 1.0, "C": 0.5, "B": 1e-3}
    sizes = {"params": 1e6, "tokens_per_step": 1e4}
    clean = lf.predict(law, true, schedule, steps, size=1e6, tokens_per_step=1e4)
    loss = clean * np.exp(np.random.default_rng(0).normal(0, 1e-3, steps.size))
    curve = lf.Curve(steps, loss, schedule, name="one", **sizes)
    fit = lf.fit(law, curve)
    write_report(fit, tmp_path / "report.html", curve)
    page = browser.open(tmp_path / "report.html")
    check_forecast(page, fit, **sizes)
    drag(page, "decay", 0.2)
    drag(page, "size", 21.0)
    check_forecast(page, fit, params=2**21, tokens_per_step=1e4)
    assert page.complaints == []
    page.close()


def test_what_the_data_do_not_determine_has_no_interval(browser, curves, tmp_path):
    run = curves["constant_4000"].skip(600)
    fit = lf.fit("annealing", run)
    write_report(fit, tmp_path / "report.html", run)
    page = browser.open(tmp_path / "report.html")
    found, _ = check_forecast(page, fit, intervals=False)
    said = page.evaluate("document.querySelector('.said').textContent")
    assert fit.undetermined == ("C",)
    assert found["low"] is None
    assert "(no interval: the data do not determine C)" in said
    assert page.complaints == []
    page.close()
