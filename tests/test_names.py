"""Names of runs, columns and groups as they are shown: row E38 of the catalogue of bad input."""

import numpy as np
import pytest

import lawfit as lf
from lawfit import plot
from lawfit._printable import printable

# A window's title, a line of its own, text that runs backwards, a wiped screen, half a pair.
NAMES = ["\x1b]0;x\x07", "a\nb: 1", "\u202egnp.exe", "\r\x9b2J", "a\x00b", "\ud800", "<script>"]


def shown_safely(text, name, lines=None):
    """Whether a text has a name on one line, with nothing in it that a terminal obeys."""
    rest = text.replace("\n", "")
    assert rest.isprintable(), ascii(text)
    assert printable(name) in text or repr(name) in text
    if lines is not None:
        assert text.count("\n") + 1 == lines
    return True


# E38: names


@pytest.mark.parametrize("name", NAMES)
def test_e38_printable(name):
    assert printable(name).isprintable()
    assert printable(f"{name}").encode().decode() == repr(name)[1:-1]


@pytest.mark.parametrize("text", ["run 7", "λ=0.999 ± 1", "学習", "سجل", "ночь", "🙂", "a\\n", ""])
def test_e38_letters_of_any_script_stay(text):
    assert printable(text) == text


@pytest.mark.parametrize("name", NAMES)
def test_e38_texts_of_results(name):
    steps = np.arange(1, 30)
    loss = 2 + 3 * steps**-0.5 + 0.01 * np.sin(steps)
    curves = [lf.Curve(steps, k * loss, name=f"{name}{k}") for k in (1, 2)]
    law = lf.Law("own", "a * step**-b + c", ["a", "b", "c"])
    fit = lf.fit(law, curves[0])
    clean = lf.fit(law, curves[0].renamed("clean"))
    assert fit.summary() == clean.summary()
    by_name = lf.fit(law, curves, by="name")
    assert shown_safely(by_name.summary(), f"{name}1")
    assert shown_safely(repr(by_name), "by name", 1)
    assert shown_safely(str(fit.score(curves)), f"{name}2", 3)
    assert shown_safely(repr(lf.Curves(curves)), f"{name}1", 3)
    assert shown_safely(repr(curves[0]), f"{name}1", 1)
    table = {"step": [*steps, *steps], "loss": [*loss, *loss], name: [name] * 29 + ["b"] * 29}
    for found in (lf.fit(law, table, by=name), lf.fit_many(law, table, by=name)):
        assert shown_safely(repr(found), name, 1)
        assert shown_safely(found.summary(), name)
    described = lf.Law(
        "own", "a * x", {"a": lf.Parameter(unit=name)}, description=name, source=name
    )
    assert shown_safely(described.summary(), name, 6)
    unit = lf.Curve(steps, loss, loss_unit=name)
    assert shown_safely(repr(unit), name, 1)


@pytest.mark.parametrize("name", NAMES)
def test_e38_texts_of_saved_fits(name):
    x = np.arange(1, 30)
    fit = lf.fit("power", {"x": x, "y": 2 + 3 * x**-0.5})
    record = fit.to_dict() | {"message": name, "notes": [name, f"again {name}"]}
    read = lf.Fit.from_dict(record)
    lines = (
        fit.summary().count("\n") + 1 + 2 + (0 if fit.notes or "warning" in fit.summary() else 1)
    )
    assert shown_safely(read.summary(), name, lines)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "work",
    [
        lambda name: lf.Curve([1, 2], [1, np.nan], name=name),
        lambda name: lf.Curve([1, 2], [1, 2], columns={name: [1, np.nan]}),
        lambda name: lf.Curve([1, 2], [1, 2], columns={name: [1]}),
        lambda name: lf.Curves([lf.Curve([1], [1], name=name)] * 2),
        lambda name: lf.fit("annealing", lf.Curve([1], [1], name=name)),
        lambda name: lf.fit("power", {"x": [1], "y": [1], name: [None]}, by=name),
        lambda name: lf.fit("power", {"x": [1], "y": [1], name: ["a", "b"]}, by=name),
        lambda name: lf.fit("power", {"x": [1], name: [1]}),
        lambda name: lf.fit("power", {"x": [1], "y": [1]}, fixed={name: 1}),
        lambda name: lf.fit(name, {"x": [1], "y": [1]}),
        lambda name: lf.Law("own", "a * x", [name]),
        lambda name: lf.Fit.from_dict({name: 1}),
    ],
)
def test_e38_messages(work, name):
    with pytest.raises((ValueError, TypeError)) as caught:
        work(name)
    assert shown_safely(str(caught.value), name, 1)


@pytest.mark.parametrize("name", [*NAMES[:-3], "<script>", "$\\frac{$", "cost $5 to $6", "a_b^c"])
def test_e38_pictures(name, tmp_path):
    steps = np.arange(10, 90)
    schedule = lf.schedules.cosine(steps=100, peak=1e-3, warmup=5)
    s1, s2 = schedule.areas(at=steps)
    curve = lf.Curve(steps, 2 + s1**-0.5 - 3 * s2, schedule, name=name, loss_unit=name)
    figure = plot.forecast_figure(lf.Curves([curve]), lf.fit("annealing", curve), title="One")
    plot.save(figure, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000
