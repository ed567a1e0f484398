"""What a report says and refuses, read as a file."""

import json
import math
import re
import sys

import numpy as np
import pytest

import lawfit as lf
from catalogue_designs import observed
from lawfit._extras import MissingExtra
from lawfit._printable import printable
from lawfit.report import Against, write_report
from lawfit.report.markup import Markup, data_block, element, number
from outline import Outline

get_plotlyjs = pytest.importorskip("plotly.offline").get_plotlyjs


def written(tmp_path, fit, *args, **options):
    path = tmp_path / "report.html"
    write_report(fit, path, *args, **options)
    return path.read_text(encoding="utf-8")


def blocks(text):
    found = re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', text)
    return {name: json.loads(data) for name, data in found}


def lines(figure, axis="y"):
    """The lines of a panel, without bands and areas."""
    found = [t for t in figure["data"] if t.get("mode") == "lines" and t["yaxis"] == axis]
    return [trace for trace in found if "fill" not in trace]


def dots(figure):
    return [trace for trace in figure["data"] if trace.get("mode") == "markers"]


@pytest.fixture(scope="module")
def curves():
    return lf.samples.curves()[["constant_4000", "cosine_4000", "wsd_4000"]]


@pytest.fixture(scope="module")
def annealing(curves):
    return lf.fit("annealing", curves[:2], skip_steps=600)


@pytest.fixture(scope="module")
def power():
    x = np.geomspace(1, 1e4, 40)
    table = {"x": x, "y": (3 * x**-0.4 + 1) * np.exp(0.01 * np.sin(7 * np.arange(40)))}
    return lf.fit("power", table), table


def test_it_is_well_formed_and_loads_nothing(tmp_path, annealing, curves):
    text = written(tmp_path, annealing, curves, title="Two & more")
    outline = Outline(text)
    assert text.startswith("<!doctype html>\n")
    for tag, attributes in outline.tags:
        assert tag not in ("img", "iframe", "object", "embed", "form", "base", "a")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert "src" not in attributes
        if tag == "link":
            assert attributes == {"rel": "icon", "href": "data:,"}
    (policy,) = [a["content"] for _, a in outline.tags if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "script-src" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "http" not in policy
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_equal_fits_and_data_make_equal_bytes(tmp_path, annealing, curves):
    first = written(tmp_path, annealing, curves)
    again = lf.fit("annealing", curves[:2], skip_steps=600)
    assert written(tmp_path, again, lf.samples.curves()[list(curves.names)]) == first
    assert written(tmp_path, lf.Fit.from_json(annealing.to_json()), curves) == first


def test_it_says_what_the_fit_says(tmp_path, annealing, curves):
    text = Outline(written(tmp_path, annealing, curves, level=0.9)).text
    intervals = annealing.conf_int(0.9)
    for name in annealing.free:
        low, high = intervals[name]
        assert number(annealing.params[name], 6) in text
        assert f"{number(low, 5)} to {number(high, 5)}" in text
    scores = annealing.score(curves)
    for curve in curves:
        assert curve.name in text
        assert number(scores[curve.name].MAE, 3) in text
    assert text.count("held out") == 1
    assert annealing.message in text
    assert "loss = L0 + A * S1**-alpha - C * S2(lam)" in text
    assert "arXiv:2408.11029" in text


def test_pictures_hold_what_was_measured_and_predicted(tmp_path, annealing, curves):
    figures = blocks(written(tmp_path, annealing, curves))["figures"]
    (figure,) = figures["curves"]
    measured = {trace["name"]: trace for trace in dots(figure)}
    law = {trace["name"]: trace for trace in lines(figure)}
    for curve in curves:
        np.testing.assert_array_equal(measured[curve.name]["x"], curve.steps)
        np.testing.assert_allclose(measured[curve.name]["y"], curve.loss, rtol=1e-5)
        line = law[curve.name]
        assert line["line"]["dash"] == ("dash" if curve.name == "wsd_4000" else "solid")
        expected = annealing.predict(curve, at=np.array(line["x"], dtype=int))
        np.testing.assert_allclose(line["y"], expected, rtol=1e-5)
    assert figure["layout"]["yaxis"]["title"]["text"] == "loss (nats per byte)"
    assert [trace["name"] for trace in lines(figure, "y2")] == list(curves.names)
    shown = [trace["name"] for trace in figure["data"] if trace["showlegend"]]
    assert shown == list(curves.names)
    assert set(figures) == {"curves", "terms", "residuals", "replay"}


def test_what_can_be_added(tmp_path, power):
    fit, table = power
    rival = lf.fit("power", {"x": table["x"], "y": 2 * table["x"] ** -0.3 + 1.1})
    grid = lf.fit("power", table, profile={"b": [0.3, 0.4, 0.5]})
    found = lf.bootstrap(fit, 60, threads=1)
    against = Against(rival, "x", 1, 1e6, name="the rival")
    text = written(tmp_path, fit, table, resamples=found, against=against)
    figures = blocks(text)["figures"]
    assert list(figures) == ["measured", "residuals", "crossover", "parameters-known"]
    singles, pairs = figures["parameters-known"]
    assert [c["name"] for c in singles["choices"]] == ["a", "b", "c"]
    assert [c["name"] for c in pairs["choices"]] == ["b over a", "c over a", "c over b"]
    assert "of resamples" in text
    profiled = blocks(written(tmp_path, grid, table))["figures"]["parameters-known"]
    assert lines(profiled[0])[0]["x"] == [0.3, 0.4, 0.5]


def test_without_data_there_are_the_numbers(tmp_path, annealing):
    text = written(tmp_path, annealing)
    assert blocks(text) == {"figures": {}}
    assert "There is no run with a schedule to start from." in Outline(text).text


def test_a_run_that_was_fitted_in_part(tmp_path, curves):
    fit = lf.fit("annealing", [curves[0], curves[1].until(2000)], skip_steps=600)
    text = written(tmp_path, fit, curves)
    assert [text.count(f'<td class="text">{role}</td>') for role in ("fitted", "fitted in part",
            "held out")] == [1, 1, 1]  # fmt: skip
    figures = blocks(text)["figures"]
    dashes = [trace["line"]["dash"] for trace in lines(figures["curves"][0])]
    assert dashes == ["solid", "dash", "dash"]
    told = [{trace["name"] for trace in c["data"]} for c in figures["replay"][0]["choices"]]
    assert ["with this fit" in names for names in told] == [False, False, True]


def test_runs_too_short_to_tell_of_their_end(tmp_path, annealing, curves):
    few = [c.skip(int(c.steps[-3])) for c in curves]
    fit = lf.fit("annealing", few)
    assert "replay" not in blocks(written(tmp_path, fit, few))["figures"]
    short = few[2].renamed("short")
    (replayed,) = blocks(written(tmp_path, annealing, [*curves[:2], short]))["figures"]["replay"]
    told = {c["name"]: {trace["name"] for trace in c["data"]} for c in replayed["choices"]}
    assert [*told] == ["constant_4000", "cosine_4000", "short"]
    assert told["short"] == {"with this fit", "measured at the end"}  # nothing by itself


@pytest.mark.parametrize(
    ("formula", "planned"),
    [("L0 + A * S1**-b + C * heat", True), ("L0 + A * step**-b", False)],
)
def test_laws_known_at_the_points_of_runs_alone(tmp_path, curves, formula, planned):
    rng = np.random.default_rng(0)
    runs = [
        lf.Curve(c.steps, c.loss, c.schedule if planned else None, name=c.name,
                 columns={"heat": rng.uniform(1, 2, len(c))})
        for c in curves
    ]  # fmt: skip
    names = [name for name in ("L0", "A", "b", "C") if name in formula]
    fit = lf.fit(lf.Law("own", formula, names), runs[:2], skip_steps=600)
    found = lines(blocks(written(tmp_path, fit, runs))["figures"]["curves"][0])
    assert [line["name"] for line in found] == list(curves.names)
    for line, run in zip(found, runs, strict=True):
        late = run.skip(600)
        np.testing.assert_array_equal(line["x"], late.steps)
        np.testing.assert_allclose(line["y"], fit.predict(late), rtol=1e-5)


def test_a_column_has_not_the_unit_of_the_loss(tmp_path, curves):
    runs = [
        lf.Curve(c.steps, c.loss, c.schedule, name=c.name, columns={"error": c.loss / 9})
        for c in curves
    ]
    law = lf.Law("own", "L0 + A * S1**-b", ["L0", "A", "b"], y="error")
    text = written(tmp_path, lf.fit(law, runs[:2], skip_steps=600), runs, replay=False)
    (figure,) = blocks(text)["figures"]["curves"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "error"


def test_without_a_degree_of_freedom_there_is_no_interval(tmp_path, curves):
    run = curves["wsd_4000"]
    few = lf.Curve(run.steps[[40, 70, 110]], run.loss[[40, 70, 110]], run.schedule, name="few")
    law = lf.Law("own", "L0 + A * S1**-b", ["L0", "A", "b"])
    fit = lf.fit(law, few)
    assert fit.freedom == 0
    assert fit.undetermined == ()
    assert blocks(written(tmp_path, fit, few))["whatif-data"]["lost"] == ["L0", "A", "b"]


def test_resamples_that_agree_to_the_last_digits(tmp_path):
    x = np.geomspace(1, 1e4, 30)
    table = {"x": x, "y": 3 * x**-0.4 + 1}
    fit = lf.fit("power", table)
    text = written(tmp_path, fit, table, resamples=lf.bootstrap(fit, 50, threads=1))
    singles = blocks(text)["figures"]["parameters-known"][0]["choices"]
    for choice in singles:
        bars = choice["data"][0]
        assert np.all(np.array(bars["width"]) > 0)
        assert bars["x"][0] < fit.params[choice["name"]] < bars["x"][-1]


def test_numbers_of_the_head_are_plain(tmp_path):
    x = np.geomspace(1, 1e4, 30)
    table = {"x": x, "y": 3 * x**-0.4 * np.where(np.arange(30) == 12, 0.2, 1)}
    text = Outline(written(tmp_path, lf.fit("pure_power", table), table)).text
    assert "400 % worst error" in text
    same = {"x": [1.0, 2.0, 3.0], "y": [2.0, 2.0, 2.0]}
    found = lf.fit("fixed_power", same, space="linear")
    assert math.isnan(found.training.R2)
    assert "– R²" in Outline(written(tmp_path, found, same)).text


def test_the_band_of_independence_is_as_long_as_the_lags(tmp_path, power):
    table = {name: column[::4] for name, column in power[1].items()}
    figures = blocks(written(tmp_path, power[0], table))["figures"]["residuals"]
    band, line, *_ = figures[2]["data"]
    assert band["x"] == [1, 9, 9, 1, None]
    assert line["x"] == [*range(1, 10)]


def test_compute_budgets(tmp_path, power):
    grid = np.meshgrid(np.geomspace(1e7, 1e11, 6), np.geomspace(1e9, 1e12, 6))
    table = dict(zip("ND", map(np.ravel, grid), strict=True))
    law = lf.laws.chinchilla
    true = {"E": 1.8, "A": 478.0, "alpha": 0.35, "B": 2143.0, "beta": 0.37}
    table["loss"] = lf.predict(law, true, table)
    fit = lf.fit(law, table)
    for data in (table, None):
        text = written(tmp_path, fit, data, flops=[1e19, 1e21])
        assert "compute" in blocks(text)["figures"]
    with pytest.raises(ValueError, match="flops: law 'power' is not of N and D alone"):
        write_report(power[0], tmp_path / "none.html", power[1], flops=1e21)


def test_budgets_that_nobody_asked_for_are_no_reason_to_refuse(tmp_path):
    table, _ = observed("farseer", 1)
    fit = lf.fit("farseer", table)
    assert "Not drawn: no budget has a best size." in Outline(written(tmp_path, fit, table)).text
    with pytest.raises(ValueError, match="law 'farseer' has no finite value at its optimum"):
        write_report(fit, tmp_path / "none.html", table, flops=[1e17, 1e25])


def test_a_law_of_learning_rates_says_nothing_of_compute(tmp_path):
    table, _ = observed("step_law", 1)
    fit = lf.fit("step_law", table)
    text = written(tmp_path, fit, table)
    assert "Not drawn: no budget has a best size." in Outline(text).text
    assert "compute" in blocks(written(tmp_path, fit, table, flops=1e21))["figures"]


@pytest.mark.parametrize("name", ["kaplan_nsb", "callable", "bad"])
def test_laws_that_cannot_be_taken_apart(tmp_path, name, curves):
    x = np.geomspace(1, 100, 30)
    if name == "callable":

        def line(x, *, a, b):
            return a * x + b

        data = {"x": x, "loss": 2 * x + 1 + 0.1 * np.sin(9 * x)}
        fit = lf.fit(lf.CallableLaw(line), data, space="linear")
    elif name == "kaplan_nsb":
        law = lf.laws.kaplan_nsb
        true = {"Nc": 6e13, "alpha_N": 0.08, "Sc": 2e3, "alpha_S": 0.76, "Bstar": 2e8,
                "alpha_B": 0.21}  # fmt: skip
        rng = np.random.default_rng(0)
        data = {"N": 10 ** rng.uniform(7, 9, 40), "S": 10 ** rng.uniform(3, 5, 40),
                "B": 10 ** rng.uniform(5, 7, 40)}  # fmt: skip
        data["loss"] = lf.predict(law, true, data)
        fit = lf.fit(law, data, starts=[true])
    else:
        law = lf.Law("own", "L0 - exp(700*k)*exp(700*k) + 0*S1", {"L0": ..., "k": lf.Parameter(2)})
        data = curves[0]
        fit = lf.fit(law, data)
        assert not fit.success
    text = written(tmp_path, fit, data)
    outline = Outline(text)
    assert ("cannot be trusted" in outline.text or "can be trusted" in outline.text) is (
        not fit.success
    )


def test_many_runs_and_points_stay_a_page(tmp_path):
    steps = np.arange(10, 20000)
    schedule = lf.schedules.cosine(steps=20000, peak=1e-3, warmup=10, end=1e-4)
    s1, s2 = schedule.areas(at=steps)
    loss = 2 + s1**-0.5 - 3 * s2 + 1e-3 * np.sin(steps)
    runs = [lf.Curve(steps, loss, schedule, name=f"run {k}") for k in range(60)]
    fit = lf.fit("annealing", runs[:2])
    text = written(tmp_path, fit, runs, replay=False)
    assert len(text) - len(get_plotlyjs()) < 4e6
    assert "20 more runs are in the table of data only" in text
    assert "run 59" in Outline(text).text


def test_lists_that_are_cut_say_so(tmp_path):
    x = np.geomspace(1, 1e4, 501)
    fit = lf.fit("power", {"x": x, "y": 3 * x**-0.4 + 1})
    many = {"sources": [[f"curve {k}", 1] for k in range(501)], "notes": ["a note"] * 502}
    text = Outline(written(tmp_path, lf.Fit.from_dict(fit.to_dict() | many))).text
    assert "… and 1 more sources." in text
    assert "… and 2 more notes." in text


def test_the_file_is_written_whole_or_not_at_all(tmp_path, annealing, curves):
    path = tmp_path / "report.html"
    path.write_text("before")
    bare = lf.Curve([700, 800], [2.0, 1.9], name="bare", loss_unit=curves[0].loss_unit)
    with pytest.raises(ValueError, match="curve 'bare' has no schedule"):
        write_report(annealing, path, [*curves, bare])
    assert path.read_text() == "before"
    link = tmp_path / "link.html"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        write_report(annealing, link, curves)
    with pytest.raises(FileNotFoundError):
        write_report(annealing, tmp_path / "none" / "report.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.html", "report.html"]


def test_plotly_is_needed(tmp_path, power, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtra, match="plotly is not installed; run: pip install"):
        write_report(power[0], tmp_path / "report.html", power[1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": 1.0}, ValueError, "level"),
        ({"title": 3}, TypeError, "title is a int"),
        ({"resamples": 3}, TypeError, "resamples is a int"),
        ({"against": 3}, TypeError, "against is a int"),
        ({"flops": [1e20, -1]}, ValueError, "flops: expected budgets above 0"),
        ({"replay": "no"}, TypeError, "replay"),
        ({"curve": None}, TypeError, "curve"),
    ],
)
def test_options_without_a_meaning(tmp_path, power, options, error, message):
    with pytest.raises(error, match=message):
        write_report(power[0], tmp_path / "report.html", power[1], **options)
    assert not list(tmp_path.iterdir())


def test_rows_that_are_not_those_of_the_fit(tmp_path, power):
    table = {**power[1], "group": np.repeat(["a", "b"], 20)}
    table["y"] = np.where(np.arange(40) < 20, 1, 3) * table["y"]
    fit = lf.fit("power", table, by="group")["a"]
    text = Outline(written(tmp_path, fit, table)).text
    assert "These are 40 rows; the fit was made to 20." in text
    assert "err together" not in text
    own = {name: column[:20] for name, column in table.items()}
    assert "These are" not in Outline(written(tmp_path, fit, own)).text


def test_what_is_no_fit(tmp_path, power):
    fit, table = power
    with pytest.raises(TypeError, match="fit is a dict"):
        write_report({}, tmp_path / "report.html")
    table = {**table, "group": ["a", "b"] * 20}
    grouped = lf.fit("power", table, by="group", shared=["b"])
    with pytest.raises(TypeError, match=r"fit is a GroupedFit; give the fit of one group, fit\["):
        write_report(grouped, tmp_path / "report.html")
    other = lf.fit("power", {"x": table["x"], "y": table["y"]})
    with pytest.raises(ValueError, match="resamples are those of another fit"):
        write_report(fit, tmp_path / "r.html", resamples=lf.bootstrap(other, 5, threads=1))


# E36: markup in names


@pytest.mark.parametrize(
    "text", ["<script>", "</script>", "a\"b'c", "&lt;", "<!--", "]]>", "\u2028\x1b\ud800", "é 学"]
)
def test_e36_text_is_escaped(text):
    shown = element("p", text, title=text, data_name=text)
    assert re.fullmatch(r'<p title="[^"<>]*" data-name="[^"<>]*">[^<>]*</p>', shown)
    block = data_block("name", {"runs": [text], "not finite": [float("nan"), float("inf")]})
    inner = block.removeprefix('<script type="application/json" id="name">').removesuffix(
        "</script>"
    )
    assert not set(inner) & set("<>&\u2028\u2029")
    inner.encode("ascii")
    assert json.loads(inner)["runs"] == [printable(text)]
    assert json.loads(inner)["not finite"] == [None, None]


def test_markup_is_kept_and_all_else_is_escaped():
    assert element("p", Markup("<b>"), "<b>", None, 3) == "<p><b>&lt;b&gt;None3</p>"
    assert element("input", disabled=True, hidden=False, name=None) == "<input disabled>"
