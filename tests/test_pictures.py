"""Pictures of residuals, terms, compute, parameters: what they show, whatever the colour."""

import numpy as np
import pytest

import lawfit as lf
from lawfit import plot, views

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure


@pytest.fixture(scope="module")
def curves():
    return lf.samples.curves()[["constant_4000", "cosine_4000", "wsd_4000"]]


@pytest.fixture(scope="module")
def annealing(curves):
    grid = [0.98, 0.99, 0.995, 0.999]
    return lf.fit("annealing", curves[:2], skip_steps=400, profile={"lam": grid})


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e8, 1e12, 6)))
    noise = np.exp(rng.normal(0, 0.01, N.size))
    return {"N": N, "D": D, "loss": (1.8 + 480 * N**-0.35 + 2100 * D**-0.37) * noise}


@pytest.fixture(scope="module")
def chinchilla(table):
    return lf.fit("chinchilla", table)


@pytest.fixture(scope="module")
def resampled(chinchilla):
    return lf.bootstrap(chinchilla, 120, threads=1)


def axes():
    return Figure().add_subplot()


def drawn(given, label):
    (line,) = [line for line in given.get_lines() if line.get_label() == label]
    return line


def looks(given):
    """How each line looks, without its colour."""
    return [(str(line.get_linestyle()), line.get_marker()) for line in given.get_lines()]


def test_residuals_by_step(annealing, curves):
    given = axes()
    assert plot.residuals(given, annealing, curves) is given
    for run in views.residuals(annealing, curves):
        line = drawn(given, run.name)
        np.testing.assert_array_equal(line.get_xdata(), run.at)
        np.testing.assert_array_equal(line.get_ydata(), run.values)
    assert (given.get_xlabel(), given.get_ylabel()) == ("step", "log predicted − log measured")
    assert len(set(looks(given)[1:])) == 3  # told apart by their markers
    assert [t.get_text() for t in given.get_legend().get_texts()] == list(curves.names)


def test_residuals_by_row(chinchilla, table):
    given = plot.residuals(axes(), chinchilla, table)
    np.testing.assert_allclose(drawn(given, "data").get_ydata(), chinchilla.residuals, atol=1e-14)
    assert given.get_xlabel() == "row"
    assert given.get_legend() is None


def test_quantiles_of_normal_residuals_lie_on_the_line():
    scores = views.normal_scores(200)
    x = np.geomspace(1, 100, 200)
    law = lf.Law("own", "a * x**-b", ["a", "b"], y="y", conventions={"loss": "squared"})
    y = 3 * x**-0.5 * np.exp(0.01 * np.random.default_rng(0).permutation(scores))
    fit = lf.fit(law, {"x": x, "y": y})
    line, dots = plot.residual_quantiles(axes(), fit, {"x": x, "y": y}).get_lines()
    on_line = line.get_ydata()
    np.testing.assert_allclose(dots.get_ydata(), np.sort(fit.residuals), atol=1e-14)
    np.testing.assert_allclose(dots.get_ydata(), on_line, atol=2e-3)


def test_autocorrelation_by_lag(annealing, curves):
    given = plot.residual_autocorrelation(axes(), annealing, curves, lags=15)
    (first, *_) = views.residuals(annealing, curves)
    line = drawn(given, first.name)
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 16))
    np.testing.assert_array_equal(line.get_ydata(), views.autocorrelation(first.values, 15)[1:])
    with pytest.raises(ValueError, match="lags is 0"):
        plot.residual_autocorrelation(axes(), annealing, curves, lags=0)
    one = lf.Curve([900], [2.0], curves[0].schedule)
    with pytest.raises(ValueError, match="no curve has 2 points"):
        plot.residual_autocorrelation(axes(), annealing, one)


def test_terms_are_stacked_to_the_law(annealing, curves):
    run = curves["wsd_4000"]
    given = plot.law_terms(axes(), annealing, run)
    (line,) = given.get_lines()
    np.testing.assert_allclose(
        line.get_ydata(), annealing.predict(run.schedule, at=line.get_xdata()), rtol=1e-14
    )
    areas = given.collections
    assert [a.get_label() for a in areas] == ["+ L0", "+ A * S1**-alpha", "− C * S2(lam)"]
    assert len({a.get_hatch() for a in areas}) == 3  # told apart without colour
    low, high = given.get_ylim()
    assert low < line.get_ydata().min() < line.get_ydata().max() < high
    assert "cut off" in given.get_ylabel()
    bare = lf.Curve([500], [2.0], name="bare")
    with pytest.raises(ValueError, match="curve 'bare' has no schedule"):
        plot.law_terms(axes(), annealing, bare)
    with pytest.raises(TypeError, match="schedule is a list; expected a Schedule or a Curve"):
        plot.law_terms(axes(), annealing, [1e-3] * 100)
    for first in (-5, 4000):
        with pytest.raises(ValueError, match=f"first is {first}"):
            plot.law_terms(axes(), annealing, run, first=first)


def test_isoflop_marks_the_optimum(chinchilla):
    given = plot.isoflop(axes(), chinchilla, [1e19, 1e21])
    best = drawn(given, "lowest")
    expected = lf.compute_optimal(chinchilla, [1e19, 1e21], draws=0)
    np.testing.assert_allclose(best.get_xdata(), expected.N)
    for line, loss in zip(given.get_lines(), expected.loss, strict=False):
        assert line.get_ydata().min() == pytest.approx(loss, rel=1e-4)
    assert len(set(looks(given))) == 3
    assert given.get_xscale() == "log"


def test_frontier_is_the_optimal_loss(chinchilla, table):
    runs = lf.envelope({"C": 6 * table["N"] * table["D"], "loss": table["loss"]})
    given = plot.frontier(axes(), chinchilla, low=1e18, high=1e23, measured=runs, draws=50)
    line = drawn(given, "compute-optimal")
    expected = lf.compute_optimal(chinchilla, line.get_xdata(), draws=0).loss
    np.testing.assert_allclose(line.get_ydata(), expected)
    np.testing.assert_array_equal(drawn(given, "measured").get_ydata(), runs.loss)
    assert len(given.collections) == 1
    assert not plot.frontier(axes(), chinchilla, low=1e18, high=1e23, draws=0).collections
    with pytest.raises(ValueError, match="high is"):
        plot.frontier(axes(), chinchilla, low=1e18, high=1e17)


@pytest.mark.parametrize("level", [1.0, 3.0])
def test_crossover_is_marked_if_there_is_one(level):
    x = np.geomspace(1, 1e4, 60)
    steep, flat = ({"x": x, "y": a * x**-b} for a, b in ((5.0 * level, 0.5), (1.0, 0.2)))
    first, second = (lf.fit("pure_power", data) for data in (steep, flat))
    found = lf.crossover(first, second, "x", low=1, high=1e4, draws=0)
    given = plot.crossover(axes(), first, second, found, low=1, high=1e4, labels=("steep", "$flat"))
    values = drawn(given, "steep").get_ydata()
    np.testing.assert_allclose(values, first.predict({"x": drawn(given, "steep").get_xdata()}))
    (mark,) = [line for line in given.get_lines() if line.get_marker() == "D"]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (found.x, found.value)
    assert drawn(given, "$flat").is_dashed()
    for labels in ((), ("one",), "no"):
        with pytest.raises(ValueError, match="labels: expected one for each of 2 fits, got"):
            plot.crossover(axes(), first, second, found, low=1, high=1e4, labels=labels)


def test_no_crossover_is_no_mark():
    x = np.geomspace(1, 100, 30)
    first, second = (lf.fit("pure_power", {"x": x, "y": a * x**-0.3}) for a in (1, 2))
    found = lf.crossover(first, second, "x", low=1, high=100, draws=0)
    given = plot.crossover(axes(), first, second, found, low=1, high=100)
    assert not [line for line in given.get_lines() if line.get_marker() == "D"]


def test_profile_over_what_lambda_remembers(annealing):
    given = plot.profile(axes(), annealing)
    line = given.get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), [50, 100, 200, 1000])
    assert line.get_ydata().tolist() == [point.objective for point in annealing.profile]
    best = annealing.params["lam"]
    assert given.get_lines()[1].get_xdata() == pytest.approx(1 / (1 - best))
    assert [text.get_text() for text in given.texts] == [f"lam = {best:g}"]


def test_profile_of_a_grid_is_its_lower_edge(table):
    grid = {"alpha": [0.3, 0.35, 0.4], "beta": [0.35, 0.37]}
    fit = lf.fit("chinchilla", table, profile=grid)
    line = plot.profile(axes(), fit, "alpha").get_lines()[0]
    np.testing.assert_array_equal(line.get_xdata(), grid["alpha"])
    lowest = [
        min(p.objective for p in fit.profile if p.values["alpha"] == a) for a in grid["alpha"]
    ]
    assert line.get_ydata().tolist() == lowest
    with pytest.raises(ValueError, match="profiled alpha, beta; expected the name of one"):
        plot.profile(axes(), fit)
    with pytest.raises(ValueError, match="name 'E' is unknown"):
        plot.profile(axes(), fit, "E")
    with pytest.raises(ValueError, match="has no profile"):
        plot.profile(axes(), lf.fit("chinchilla", table))


def test_resamples_of_one_parameter(resampled):
    given = plot.resamples(axes(), resampled, "alpha", level=0.9)
    assert given.patches[0].get_data().values.sum() == resampled.converged.sum()
    value, low, high = (line.get_xdata()[0] for line in given.get_lines())
    assert value == resampled.fit.params["alpha"]
    assert (low, high) == resampled.conf_int(0.9)["alpha"]
    with pytest.raises(ValueError, match="name 'nu' is unknown"):
        plot.resamples(axes(), resampled, "nu")


def test_pairs_of_resamples(resampled):
    dots, fitted = plot.resample_pair(axes(), resampled, "alpha", "E").get_lines()
    np.testing.assert_array_equal(dots.get_xdata(), resampled.params["alpha"][resampled.converged])
    np.testing.assert_array_equal(dots.get_ydata(), resampled.params["E"][resampled.converged])
    assert fitted.get_xdata() == [resampled.fit.params["alpha"]]
    with pytest.raises(ValueError, match="y 'nu' is unknown"):
        plot.resample_pair(axes(), resampled, "alpha", "nu")


def test_all_pairs_of_resamples(resampled):
    figure = plot.resample_figure(resampled)
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert len(shown) == 15
    corner = shown[-5]
    assert (corner.get_xlabel(), corner.get_ylabel()) == ("E", "beta")


def test_a_band_is_the_interval_where_it_is_finite(annealing, curves):
    run = curves["wsd_4000"].skip(400)
    low, high = annealing.interval(run)
    high[:3] = np.inf
    given = plot.curve_and_forecast(
        axes(), run, run.steps, annealing.predict(run), band=(low, high)
    )
    (band,) = given.collections
    (path,) = band.get_paths()
    assert path.vertices[:, 0].min() == run.steps[3]
    assert path.vertices[:, 1].min() == low[3:].min()
    figure = plot.forecast_figure(curves, annealing, level=0.9)
    assert all(panel.collections for panel in figure.axes[::2])


def test_what_was_forecast_and_what_came():
    forecasts = [lf.Forecast(9, 2.0, 1.9, 2.1, 0.9, 0.0, (), 5)] * 3
    given = plot.final_loss(axes(), [1, 2, 3], forecasts, truth=2.05)
    assert drawn(given, "measured").get_ydata()[0] == 2.05
