"""Reports in a real browser: what is drawn, read and hidden, at any width, light and dark."""

import re

import numpy as np
import pytest

import lawfit as lf
from catalogue_designs import observed
from lawfit.report import Against, write_report
from report_pages import needs_browser

pytest_plugins = ["report_fixtures"]
pytestmark = needs_browser


def test_it_opens_and_draws(page):
    assert page.evaluate("document.querySelectorAll('.chart svg.axes').length") >= 9
    assert page.evaluate("[...document.querySelectorAll('.chart')].every(c => c.clientHeight > 80)")
    assert page.evaluate("!document.querySelector('.axes').outerHTML.includes('NaN')")
    assert page.evaluate("document.querySelector('math').getBoundingClientRect().width") > 100


def points_of(page, chart, kind):
    return page.evaluate(
        f"document.querySelector('#{chart} svg.axes').querySelectorAll('path.{kind}').length"
    )


def test_runs_are_hidden_and_shown(page):
    before = points_of(page, "curves", "dots")
    entry = "document.querySelector('#curves .entry')"
    page.evaluate(f"{entry}.click()")
    assert page.evaluate(f"{entry}.getAttribute('aria-pressed')") == "false"
    assert points_of(page, "curves", "dots") == before - 1
    page.evaluate(f"{entry}.click()")
    assert points_of(page, "curves", "dots") == before


def test_hovering_reads_and_dragging_zooms(page, curves):
    page.evaluate("document.querySelector('#curves').scrollIntoView()")
    box = page.evaluate(
        "(b => [b.left, b.top, b.width, b.height])"
        "(document.querySelector('#curves svg.axes').getBoundingClientRect())"
    )
    x, y = box[0] + 0.5 * box[2], box[1] + 0.5 * box[3]
    page.mouse("mouseMoved", x, y)
    reading = "document.querySelector('#curves .reading')"
    assert page.evaluate(f"{reading}.hidden") is False
    text = page.evaluate(f"{reading}.textContent")
    assert re.match(r"step \d+", text)
    assert any(name in text for name in curves.names)

    def ends():
        marks = page.evaluate(
            "[...[...document.querySelectorAll('#curves svg.axes')].at(-1)"
            ".querySelectorAll('text.tick.middle')].map(t => Number(t.textContent))"
        )
        return min(marks), max(marks)

    whole = ends()
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x + 150, y, button="left")
    page.mouse("mouseReleased", x + 150, y, button="left", clickCount=1)
    page.settle()
    low, high = ends()
    assert whole[0] < low < high < whole[1]
    assert page.evaluate("document.querySelector('#curves .reset').hidden") is False
    page.evaluate("document.querySelector('#curves .reset').click()")
    assert ends() == whole
    page.mouse("mouseMoved", 2, 2)
    assert page.evaluate(f"{reading}.hidden") is True


def ticks_of(page, axes, side):
    return page.evaluate(
        f"[...document.querySelector('{axes}').querySelectorAll('text.tick.{side}')]"
        ".map(tick => tick.textContent.replace('−', '-'))"
    )


def opened(browser, tmp_path, *args, **options):
    write_report(args[0], tmp_path / "report.html", *args[1:], **options)
    return browser.open(tmp_path / "report.html")


def test_ticks_of_a_logarithmic_axis_are_round(browser, tmp_path):
    x = np.geomspace(1, 1e5, 40)
    table = {"x": x, "y": (3 * x**-0.4 + 0.15) * np.exp(0.01 * np.sin(7 * x))}
    page = opened(browser, tmp_path, lf.fit("power", table), table)
    for side in ("middle", "end"):
        found = ticks_of(page, "#measured svg.axes", side)
        assert found == ["0.2", "0.5", "1", "2"]
    page.close()


def test_ticks_and_readings_tell_neighbours_apart(browser, tmp_path):
    steps = np.arange(123_456, 123_556)
    rng = np.random.default_rng(0)
    loss = 2.5 + 1e-6 * rng.normal(size=steps.size)
    law = lf.Law("own", "L0 + A * step**-b", {"L0": ..., "A": ..., "b": lf.Parameter(0)})
    fit = lf.fit(law, lf.Curve(steps, loss, name="late"), fixed={"b": 1.0})
    page = opened(browser, tmp_path, fit, lf.Curve(steps, loss, name="late"))
    for side in ("middle", "end"):
        found = ticks_of(page, "#curves svg.axes", side)
        assert len(found) == len(set(found)) >= 3
        values = np.array([float(text) for text in found])
        assert np.allclose(np.diff(values), np.diff(values)[0], rtol=1e-6)
    page.evaluate("document.querySelector('#curves').scrollIntoView()")
    left, top, width, height = page.evaluate(
        "(b => [b.left, b.top, b.width, b.height])"
        "(document.querySelector('#curves svg.axes').getBoundingClientRect())"
    )
    page.mouse("mouseMoved", left + 0.5 * width, top + 0.5 * height)
    text = page.evaluate("document.querySelector('#curves .reading .where').textContent")
    assert int(text.removeprefix("step ")) in steps.tolist()
    page.close()


def test_an_axis_has_two_ticks_at_least(browser, tmp_path):
    table, options = observed("pass_until", 1)
    page = opened(browser, tmp_path, lf.fit("pass_until", table, **options), table)
    ticks = (
        "[...document.querySelectorAll('svg.axes')].map(svg =>"
        " ['end', 'middle'].map(side => svg.querySelectorAll(`text.tick.${side}`).length))"
    )
    assert all(min(pair) >= 2 for pair in page.evaluate(ticks))
    page.close()


def test_losses_that_are_equal_but_for_rounding_are_drawn(browser, tmp_path):
    schedule = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=50, decay_start=2000, end=0)
    steps = np.arange(60, 3000, 50)
    loss = np.full(steps.size, 2.0)
    loss[::2] = np.nextafter(2.0, 3)
    run = lf.Curve(steps, loss, schedule)
    page = opened(browser, tmp_path, lf.fit("annealing", run), run)
    assert page.complaints == []
    assert ticks_of(page, "#whatif svg.axes", "end")
    page.close()


def test_choices_change_the_picture(page):
    picture = "document.querySelector('#terms svg.axes').outerHTML"
    before = page.evaluate(picture)
    page.evaluate(
        "{ const s = document.querySelector('#terms select'); s.value = '0';"
        "s.dispatchEvent(new Event('change')); }"
    )
    assert page.evaluate(picture) != before


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_any_width_light_and_dark(browser, report, width, dark):
    page = browser.open(report, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.scrollWidth") <= width
    colours = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    back, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours)
    assert (back < 60 and ink > 190) if dark else (back > 240 and ink < 60)
    # no text of a picture is cut off at its left or right
    assert page.evaluate(
        "[...document.querySelectorAll('svg.axes')].every(s => [...s.querySelectorAll('text')]"
        ".every(t => { const a = s.getBoundingClientRect(), b = t.getBoundingClientRect();"
        "return b.left >= a.left - 2 && b.right <= a.right + 2; }))"
    )
    assert page.complaints == []
    page.close()


def test_words_stand_out_from_their_ground(browser, report):
    """WCAG's contrast of 4.5 for words, 3 for lines of pictures, in light and dark."""
    ratio = """(dark => { const L = c => { const v = c.match(/\\d+/g).slice(0, 3).map(x => x / 255)
        .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
      const back = L(getComputedStyle(document.body).backgroundColor);
      const of = (e, p) => { const f = L(getComputedStyle(e)[p]);
        return (Math.max(f, back) + 0.05) / (Math.min(f, back) + 0.05); };
      return [Math.min(...[...document.querySelectorAll('p, li, td, dt, dd, h2')]
          .filter(e => !e.closest('.warnings')).map(e => of(e, 'color'))),
        Math.min(...[...document.querySelectorAll('path.line, path.dash')]
          .map(e => of(e, 'stroke')))];
    })()"""
    for dark in (False, True):
        page = browser.open(report, dark=dark)
        words, lines = page.evaluate(ratio)
        assert words >= 4.5
        assert lines >= 2.9
        page.close()


def test_columns_and_another_fit(browser, tmp_path):
    rng = np.random.default_rng(0)
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e8, 1e12, 6)))

    def measured(E, alpha):
        noise = np.exp(rng.normal(0, 0.01, N.size))
        return {"N": N, "D": D, "loss": (E + 480 * N**-alpha + 2100 * D**-0.37) * noise}

    table = measured(1.8, 0.35)
    fit, other = lf.fit("chinchilla", table), lf.fit("chinchilla", measured(1.7, 0.3))
    against = Against(other, "N", 1e6, 1e14, {"D": 1e11}, "<b>other</b>")
    write_report(fit, tmp_path / "report.html", table, against=against, flops=[1e19, 1e21])
    page = browser.open(tmp_path / "report.html")
    sections = page.evaluate("[...document.querySelectorAll('section')].map(s => s.id)")
    assert " ".join(sections) == (
        "warnings measured parameters residuals compute crossover data fit"
    )
    assert "cross at N" in page.evaluate("document.querySelector('#crossover').textContent")
    assert "<b>other</b>" in page.evaluate("document.querySelector('#crossover').textContent")
    assert page.evaluate("document.querySelectorAll('#compute svg.axes path.spot').length") == 1
    assert page.complaints == []
    page.close()
