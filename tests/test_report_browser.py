"""Reports in a real browser: what is drawn, read and hidden, at any width, light and dark."""

import re

import numpy as np
import pytest

import lawfit as lf
from lawfit.report import Against, write_report
from report_pages import needs_browser

pytest_plugins = ["report_fixtures"]
pytestmark = needs_browser


def centre(page, selector):
    """Scroll to an element, and return where its middle is."""
    page.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
    page.settle()
    return page.evaluate(
        "(b => [b.left + b.width / 2, b.top + b.height / 2])"
        f"(document.querySelector({selector!r}).getBoundingClientRect())"
    )


def drag(page, x, y, right):
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    for k in range(1, 5):
        page.mouse("mouseMoved", x + k * right / 4, y, button="left")
    page.mouse("mouseReleased", x + right, y, button="left", clickCount=1)
    page.settle()


def until(page, expression):
    """Wait, as an eye would, until an expression holds."""
    assert page.evaluate(
        "new Promise(done => { const end = performance.now() + 5000; const look = () =>"
        f" {expression} ? done(true) : performance.now() > end ? done(false)"
        " : requestAnimationFrame(look); look(); })"
    ), expression


def test_it_opens_and_draws(page):
    assert page.evaluate("document.querySelectorAll('.js-plotly-plot .main-svg').length") >= 9
    assert page.evaluate("[...document.querySelectorAll('.chart')].every(c => c.clientHeight > 80)")
    assert page.evaluate(
        "[...document.querySelectorAll('.plot')].every(p => p.querySelector('.trace, .bars'))"
    )
    assert page.evaluate("document.querySelector('math').getBoundingClientRect().width") > 100


def test_runs_are_hidden_and_shown(page, curves):
    drawn = "document.querySelectorAll('#curves .scatterlayer .trace').length"
    before = page.evaluate(drawn)
    assert before == 4 * len(curves)  # measured, interval, law, learning rate
    at = centre(page, "#curves .legendtoggle")
    for expected in (before - 4, before):
        page.mouse("mousePressed", *at, button="left", clickCount=1)
        page.mouse("mouseReleased", *at, button="left", clickCount=1)
        until(page, f"{drawn} === {expected}")


def test_hovering_reads_and_dragging_zooms(page, curves):
    x, y = centre(page, "#curves .nsewdrag")
    page.mouse("mouseMoved", x, y + 200)
    text = "document.querySelector('#curves .hoverlayer').textContent"
    for up in range(0, 200, 4):
        page.mouse("mouseMoved", x, y + 100 - up)
        page.settle()
        if page.evaluate(text):
            break
    assert any(name in page.evaluate(text) for name in curves.names)
    low, high = page.evaluate("document.querySelector('#curves .plot').layout.xaxis.range")
    drag(page, x, y, 150)
    ends = "document.querySelector('#curves .plot').layout.xaxis.range"
    until(page, f"{ends}[0] > {low}")
    inner = page.evaluate(ends)
    assert low < inner[0] < inner[1] < high
    rates = "document.querySelector('#curves .plot')._fullLayout.xaxis.range"
    assert page.evaluate(rates) == inner  # the panels are zoomed together
    page.evaluate("document.querySelector('#curves [data-title=\"Reset axes\"]').click()")
    until(page, f"Math.abs({ends}[0] - {low}) < 1e-9 * {high}")
    page.mouse("mouseMoved", 2, 2)
    until(page, f"{text} === ''")


def ticks_of(page, section, axis):
    found = page.evaluate(
        f"[...document.querySelectorAll('#{section} .{axis}tick text')].map(t => t.textContent)"
    )
    return [text.replace("−", "-") for text in found]


def opened(browser, tmp_path, *args, **options):
    write_report(args[0], tmp_path / "report.html", *args[1:], **options)
    return browser.open(tmp_path / "report.html")


def test_ticks_and_readings_tell_neighbours_apart(browser, tmp_path):
    steps = np.arange(123_456, 123_556)
    rng = np.random.default_rng(0)
    loss = 2.5 + 1e-6 * rng.normal(size=steps.size)
    law = lf.Law("own", "L0 + A * step**-b", {"L0": ..., "A": ..., "b": lf.Parameter(0)})
    fit = lf.fit(law, lf.Curve(steps, loss, name="late"), fixed={"b": 1.0})
    page = opened(browser, tmp_path, fit, lf.Curve(steps, loss, name="late"))
    found = ticks_of(page, "curves", "y")
    assert len(found) == len(set(found)) >= 3
    x, y = centre(page, "#curves .nsewdrag")
    page.mouse("mouseMoved", x, y)
    until(page, "document.querySelector('#curves .hoverlayer').textContent")
    text = page.evaluate("document.querySelector('#curves .hoverlayer').textContent")
    step, value = re.fullmatch(r"late\((\d+), ([\d.]+)\)", text).groups()
    assert int(step) in steps.tolist()
    assert float(value) == pytest.approx(2.5, abs=5e-6)
    page.close()


def test_losses_that_are_equal_but_for_rounding_are_drawn(browser, tmp_path):
    schedule = lf.schedules.wsd(steps=3000, peak=1e-3, warmup=50, decay_start=2000, end=0)
    steps = np.arange(60, 3000, 50)
    loss = np.full(steps.size, 2.0)
    loss[::2] = np.nextafter(2.0, 3)
    run = lf.Curve(steps, loss, schedule)
    page = opened(browser, tmp_path, lf.fit("annealing", run), run)
    assert page.complaints == []
    assert ticks_of(page, "whatif", "y")
    page.close()


def test_choices_change_the_picture(page):
    picture = "document.querySelector('#terms .scatterlayer').outerHTML"
    before = page.evaluate(picture)
    page.evaluate(
        "{ const s = document.querySelector('#terms select'); s.value = '0';"
        "s.dispatchEvent(new Event('change')); }"
    )
    page.settle()
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
    # no text of a picture is cut off
    cut = page.evaluate(
        "[...document.querySelectorAll('.plot')].flatMap(s => [...s.querySelectorAll('text')]"
        ".filter(t => { const a = s.getBoundingClientRect(), b = t.getBoundingClientRect();"
        "return b.left < a.left - 2 || b.right > a.right + 2 || b.bottom > a.bottom + 2; })"
        ".map(t => t.textContent))"
    )
    assert cut == []
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
        Math.min(...[...document.querySelectorAll('.lines path')]
          .filter(e => parseFloat(getComputedStyle(e).strokeWidth) > 1).map(e => of(e, 'stroke')))];
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
    marks = "p => p.data.filter(t => t.marker?.symbol === 'diamond').length"
    assert page.evaluate(f"[...document.querySelectorAll('#compute .plot')].map({marks})") == [1, 0]
    assert page.complaints == []
    page.close()
