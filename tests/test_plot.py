"""Pictures: what is drawn where, without any window system."""

import numpy as np
import pytest

from lawfit import Curve, Curves, Law, fit, laws, plot, samples, schedules

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def curves():
    return samples.curves()


@pytest.fixture(scope="module")
def found(curves):
    return fit(laws.annealing, curves[["constant_4000", "cosine_4000"]], skip_steps=400)


def axes():
    return Figure().add_subplot()


@pytest.mark.parametrize(("fitted", "label"), [(True, "fitted"), (False, "forecast")])
def test_curve_and_forecast(curves, found, fitted, label):
    curve = curves["wsd_4000"].skip(400)
    given = axes()
    loss = found.predict(curve)
    assert plot.curve_and_forecast(given, curve, curve.steps, loss, fitted=fitted) is given
    dots, line = given.get_lines()
    assert (dots.get_label(), line.get_label()) == ("measured", label)
    assert (dots.get_linestyle(), dots.get_marker()) == ("None", "o")
    np.testing.assert_array_equal(dots.get_ydata(), curve.loss)
    np.testing.assert_array_equal(line.get_ydata(), loss)
    assert line.is_dashed() is not fitted
    assert given.get_ylabel() == "loss (nats per byte)"


def test_learning_rate_shows_both_ends():
    schedule = schedules.wsd(steps=10**6, peak=3e-3, warmup=10, decay_start=8 * 10**5)
    given = axes()
    assert plot.learning_rate(given, schedule) is given
    (line,) = given.get_lines()
    steps = line.get_xdata()
    assert (steps[0], steps[-1]) == (0, 10**6 - 1)
    assert len(steps) <= plot.POINTS
    np.testing.assert_array_equal(line.get_ydata(), schedule.at(steps))
    assert given.get_xlabel() == "step"


def test_figure_has_two_panels_a_curve_on_one_scale(curves, found, tmp_path):
    shown = Curves(curve.skip(400) for curve in curves)
    figure = plot.forecast_figure(shown, found, fitted=["constant_4000"], title="title")
    above, below = figure.axes[::2], figure.axes[1::2]
    assert len(above) == len(below) == len(curves)
    assert len({a.get_ylim() for a in above}) == len({b.get_ylim() for b in below}) == 1
    titles = [a.get_title(loc="left") for a in above]
    assert titles[:2] == ["constant_4000 · fitted", "cosine_4000 · forecast"]
    low, high = above[0].get_ylim()
    for panel, curve in zip(above, shown, strict=True):
        assert low < panel.get_lines()[1].get_ydata().min()
        assert high > curve.loss.max()
    plot.save(figure, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(PNG)


def test_one_curve_makes_one_column(curves, found):
    figure = plot.forecast_figure(curves[["wsd_4000"]], found)
    assert len(figure.axes) == 2


def test_a_law_of_a_column_is_drawn_over_the_column(curves):
    late = [curve.skip(400) for curve in curves[["constant_4000", "cosine_4000"]]]
    runs = Curves(
        Curve(c.steps, c.loss, c.schedule, name=c.name, columns={"error": c.loss / 9}) for c in late
    )
    law = Law("own", "L0 + A * S1**-b", ["L0", "A", "b"], y="error")
    found = fit(law, runs)
    figure = plot.forecast_figure(runs, found)
    for above, run in zip(figure.axes[::2], runs, strict=True):
        dots, line = above.get_lines()
        np.testing.assert_array_equal(dots.get_ydata(), run.columns["error"])
        np.testing.assert_allclose(line.get_ydata(), found.predict(run, at=line.get_xdata()))
        assert above.get_ylim()[1] < 1
        assert f"ends at {run.columns['error'][-1]:.4f}" in above.texts[0].get_text()
    assert figure.axes[0].get_ylabel() == "error"


def boxes(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415

    renderer = FigureCanvasAgg(figure).get_renderer()
    names = [axes._left_title for axes in figure.axes[::2]]
    figure.draw(renderer)
    shown = [figure._suptitle, *figure.legends, *names]
    return [artist.get_window_extent(renderer) for artist in shown]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_titles_names_and_legend_do_not_cover_each_other(curves, found, number):
    base = curves["wsd_4000"].skip(400)
    runs = Curves(base.renamed(f"a folder of logs/{k}/wsd_20000_24000") for k in range(number))
    figure = plot.forecast_figure(runs, found, title="Two runs forecast others", fitted=[])
    extents = boxes(figure)
    assert len(extents) == number + 2
    for k, one in enumerate(extents):
        assert not any(one.overlaps(other) for other in extents[k + 1 :])
    shown = [axes.get_title(loc="left") for axes in figure.axes[::2]]
    assert all(title.startswith("a fo") and "24000 · forecast" in title for title in shown)


def test_what_forecasts_are_drawn_of(curves, found):
    late = curves["wsd_4000"].skip(400)
    for given in (late, [late], iter([late])):
        assert len(plot.forecast_figure(given, found).axes) == 2
    with pytest.raises(ValueError, match="got 0 curves"):
        plot.forecast_figure(Curves([]), found)
    with pytest.raises(TypeError, match="fitted is 'wsd_4000'; expected a collection of names"):
        plot.forecast_figure(late, found, fitted="wsd_4000")


def test_a_learning_rate_of_0_throughout():
    given = plot.learning_rate(axes(), schedules.constant(steps=5, peak=0.0))
    assert given.get_ylim() == (0, 1)


def test_a_curve_without_schedule_is_refused(found):
    curve = Curve([500, 600], [2.0, 1.9], name="bare")
    with pytest.raises(ValueError, match=r"curve 'bare' has no schedule"):
        plot.forecast_figure(Curves([curve]), found)
