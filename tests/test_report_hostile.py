"""Markup in names shown by a report: row E36 of the catalogue of bad input."""

import numpy as np
import pytest

import lawfit as lf
from lawfit._printable import printable
from lawfit.report import write_report
from report_pages import needs_browser

pytest_plugins = ["report_fixtures"]
pytestmark = needs_browser

HOSTILE = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "<!--",
    "]]>&lt;b&gt;",
    "\u2028\u2029\x00\x1b]0;owned\x07\ud800",
    "{{7*7}}${7*7}",
]


# E36: markup in names


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    steps = np.arange(10, 200, 4)
    schedule = lf.schedules.cosine(steps=200, peak=1e-3, warmup=10, end=1e-4)
    s1, s2 = schedule.areas(at=steps)
    rng = np.random.default_rng(0)
    runs = []
    for name in HOSTILE:
        loss = (2 + s1**-0.5 - 3 * s2) * np.exp(rng.normal(0, 0.01, steps.size))
        runs.append(lf.Curve(steps, loss, schedule, name=name, loss_unit=name))
    runs = [lf.Curve(r.steps, r.loss, schedule, name=r.name, loss_unit=HOSTILE[1]) for r in runs]
    nasty = "</style></title><script>document.title='owned'</script>"
    law = lf.Law(
        nasty,
        "L0 + A * S1**-alpha",
        {k: lf.Parameter(0, meaning=nasty, unit=nasty) for k in ("L0", "A", "alpha")},
        description=nasty,
        source=nasty,
    )
    fit = lf.fit(law, runs[:5])
    fit = lf.Fit.from_dict(fit.to_dict() | {"message": nasty, "notes": HOSTILE})
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    write_report(fit, path, runs, title=nasty)
    return path


def test_e36_names_stay_text(browser, hostile):
    page = browser.open(hostile)
    assert page.complaints == []
    assert page.evaluate("document.title").startswith("</style></title><script>")
    assert page.evaluate("document.scripts.length") == 4  # two blocks of data, two scripts
    foreign = "'img, iframe, object, embed, form, base, [href^=javascript], text b, text a'"
    assert page.evaluate(f"document.querySelectorAll({foreign}).length") == 0
    events = (
        "[...document.querySelectorAll('*')]"
        ".some(e => [...e.attributes].some(a => /^on/.test(a.name)))"
    )
    assert page.evaluate(events) is False
    entries = page.evaluate(
        "[...document.querySelectorAll('#curves .legendtext')].map(e => e.textContent)"
    )
    shown = [printable(name) for name in HOSTILE]
    short = [name if len(name) <= 40 else f"{name[:39]}…" for name in shown]
    # spaces are hard in SVG's text
    assert sorted(entry.replace("\xa0", " ") for entry in entries) == sorted(short)
    options = page.evaluate(
        "[...document.querySelectorAll('#whatif select')[0].options].map(o => o.text)"
    )
    assert len(options) == len(HOSTILE)
    for name in shown:
        if "\n" not in name:
            assert name in page.evaluate("document.querySelector('#data').textContent")
    page.evaluate("document.querySelector('#curves .plot').scrollIntoView()")
    box = page.evaluate(
        "(b => [b.left, b.top, b.width, b.height])"
        "(document.querySelector('#curves .nsewdrag').getBoundingClientRect())"
    )
    told = "document.querySelector('#curves .hoverlayer').textContent"
    seen = ""
    for part in range(40):  # down through all curves
        page.mouse("mouseMoved", box[0] + 0.5 * box[2], box[1] + part / 40 * box[3])
        page.settle()
        seen += page.evaluate(told)
    assert any(name[:20] in seen.replace("\xa0", " ") for name in short)
    assert page.complaints == []
    assert "owned" != page.evaluate("document.title")
    page.close()


def test_e36_the_policy_stops_what_would_get_through(browser, report, tmp_path):
    text = report.read_text(encoding="utf-8")
    attack = (
        "<script>document.title='owned'</script>"
        "<img src='http://127.0.0.1:9/x.png' onerror=\"document.title='owned'\">"
        "<svg onload=\"document.title='owned'\"></svg>"
    )
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("<main>", f"<main>{attack}"), encoding="utf-8")
    page = browser.open(changed)
    assert page.evaluate("document.title") == "annealing"
    assert page.complaints  # the browser says that it refused them
    assert page.evaluate("document.querySelectorAll('.chart .main-svg').length") >= 9
    with pytest.raises(RuntimeError, match=r"EvalError|unsafe-eval"):
        page.evaluate("document.defaultView.setTimeout.constructor('return 1')()")
    page.close()


def test_e36_operations_that_are_not_of_a_law_are_refused(browser, report, tmp_path):
    text = report.read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace('["s1",', '["constructor",'), encoding="utf-8")
    page = browser.open(changed)
    assert any("unknown operation constructor" in str(c) for c in page.complaints)
    page.close()
