"""Data that do not tell the parameters of a law, and data that tell them exactly."""

import re

import numpy as np
import pytest

import lawfit as lf
from fit_data import NOISY, SCHEDULES, X, annealing_curves

LAWS = ("power", "henighan", "chinchilla")
CONSTANT = {"x": X, "y": np.full(X.size, 2.5)}


def table(law, n):
    """Columns of a catalogue law over sizes."""
    names = [*lf.laws.get(law).columns, lf.laws.get(law).y]
    return {name: np.geomspace(2, 900 + k, n) for k, name in enumerate(names)}


# Constant losses


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", ["huber", "squared"])
@pytest.mark.parametrize("law", [*LAWS, "annealing"])
def test_a30_constant_loss(law, loss, space):
    if law == "annealing":
        data = [lf.Curve(c.steps, np.full(len(c), 2.5), c.schedule) for c in annealing_curves()]
    else:
        data = {**table(law, 20), lf.laws.get(law).y: np.full(20, 2.5)}
        if law == "chinchilla":
            data["D"] = data["D"][::-1] ** 1.1
    fit = lf.fit(law, data, loss=loss, space=space)
    assert fit.status == "rank_deficient"
    assert not fit.success
    assert fit.rank < len(fit.free)
    assert fit.undetermined
    assert all(fit.stderr[name] == np.inf for name in fit.undetermined)
    floor = {"power": "c", "henighan": "Linf", "chinchilla": "E", "annealing": "L0"}[law]
    assert floor not in fit.undetermined
    assert fit.params[floor] == pytest.approx(2.5)
    assert fit.stderr[floor] == pytest.approx(0, abs=1e-12)
    assert all(fit.params[n] >= fit.law.parameters[n].lower for n in fit.params)
    assert re.search("the data do not (determine|tell apart)", fit.summary())


def test_a30_every_entry():
    problem = lf.Problem("power", CONSTANT)
    assert problem.fit().status == "rank_deficient"
    forecaster = lf.Forecaster("annealing", SCHEDULES["cosine"])
    forecaster.update_many(np.arange(100, 2000, 20), np.full(95, 2.5))
    assert forecaster.fit().status == "rank_deficient"
    groups = {
        "x": np.concatenate([X, X]),
        "y": np.concatenate([CONSTANT["y"], NOISY["y"]]),
        "g": ["flat"] * X.size + ["good"] * X.size,
    }
    both = lf.fit("power", groups, by="g")
    assert [fit.status for fit in both.fits] == ["rank_deficient", "converged"]
    many = lf.fit_many("power", groups, by="g", resamples=20)
    assert many.counts() == {"converged": 1, "rank_deficient": 1}
    assert many.stderr["b"][0] == np.inf
    assert many.resampled_counts() == {"converged": 20, "rank_deficient": 20}
    assert lf.fit("power", {**CONSTANT, "g": ["a", "b"] * 20}, by="g", shared=["b"]).undetermined


def test_a30_what_a_rank_deficient_fit_says_elsewhere():
    fit = lf.fit("power", CONSTANT)
    assert fit.conf_int()["b"] == (0.0, np.inf)
    assert fit.predict({"x": [1e3, 1e9]}) == pytest.approx(2.5)
    assert lf.bootstrap(fit, 20).counts() == {"rank_deficient": 20}
    with pytest.raises(ValueError, match="0 of 20 replicates converged"):
        lf.bootstrap(fit, 20).conf_int()
    with pytest.raises(ValueError, match="no finite standard error for 'b'"):
        lf.fit_draws(fit, 3)


# Columns that do not vary, or only together


def test_a31_all_x_equal():
    fit = lf.fit("power", {"x": np.full(9, 5.0), "y": np.linspace(2, 2.1, 9)})
    assert fit.status == "rank_deficient"
    assert fit.rank == 1


@pytest.mark.parametrize("loss", ["huber", "squared"])
def test_a31_all_points_at_one_step(loss):
    curves = [
        lf.Curve([500], [3 + 0.01 * k], SCHEDULES["cosine"], name=f"seed {k}") for k in range(6)
    ]
    fit = lf.fit("annealing", curves, loss=loss)
    assert fit.status == "rank_deficient"
    assert fit.rank == 1
    assert set(fit.undetermined) >= {"L0", "A", "alpha"}
    assert all(fit.stderr[name] == np.inf for name in fit.undetermined)


N = np.geomspace(1e6, 1e9, 30)


def chinchilla_data(D, noise=0.0):
    loss = 1.69 + 406.4 * N**-0.34 + 410.7 * D**-0.28
    return {"N": N, "D": D, "loss": loss * np.exp(np.random.default_rng(0).normal(0, noise, 30))}


@pytest.mark.parametrize(
    "formula", ["E + A*N**-0.3 + B*D**-0.3", "E + A*N**-alpha + B*D**-alpha", "E + A*N + B*D"]
)
def test_a32_parameters_that_collinear_sizes_leave_open_are_named(formula):
    law = lf.Law("tied", formula, [n for n in ("E", "A", "B", "alpha") if n in formula])
    fit = lf.fit(law, chinchilla_data(20 * N, 1e-3))
    assert fit.status == "rank_deficient"
    assert fit.undetermined == ("A", "B")
    assert fit.rank == len(fit.free) - 1
    assert fit.stderr["A"] == fit.stderr["B"] == np.inf
    assert np.isfinite(fit.stderr["E"])
    assert "the data do not tell apart A, B" in fit.summary()
    assert fit.notes[0].startswith("D is 20*N in every row, so the data scarcely tell A of N from")


@pytest.mark.parametrize(
    ("D", "shown"),
    [(20 * N, "20*N"), (3 * N**0.5, "a constant times N**0.5"), (N + 0.0, "1*N")],
)
@pytest.mark.parametrize("noise", [0, 1e-3, 1e-2])
def test_a32_exponents_told_by_one_variable_are_warned_of(D, shown, noise):
    fit = lf.fit("chinchilla", chinchilla_data(D, noise))
    (note,) = [note for note in fit.notes if "in every row" in note]
    assert note == (
        f"D is {shown} in every row, so the data scarcely tell A, alpha of N from B, beta of D: "
        "vary N and D by themselves, or fix some of them"
    )
    assert f"note: {note}" in fit.summary()
    held = lf.fit("chinchilla", chinchilla_data(D, noise), fixed={"B": 410.7, "beta": 0.28})
    assert not [note for note in held.notes if "in every row" in note]


@pytest.mark.parametrize(
    "D",
    [
        1e15 / N,  # of one compute: the terms go opposite ways
        np.random.default_rng(1).permutation(N),
        np.full(30, 1e10),
        20 * N * np.where(np.arange(30) == 17, 1 + 1e-6, 1),
        np.geomspace(1e8, 1e10, 30) ** np.linspace(1, 1.1, 30),
    ],
)
def test_a32_sizes_that_vary_by_themselves_are_not_warned_of(D):
    fit = lf.fit("chinchilla", chinchilla_data(D, 1e-3))
    assert not [note for note in fit.notes if "in every row" in note]


def test_a32_a_function_says_nothing_of_its_terms():
    def law(N, D, *, A, B):
        return A * N**-0.3 + B * D**-0.3

    fit = lf.fit(law, chinchilla_data(20 * N))
    assert (fit.status, fit.undetermined) == ("rank_deficient", ("A", "B"))
    assert not [note for note in fit.notes if "in every row" in note]


def test_a32_sizes_of_curves():
    steps = np.arange(1000, 2000, 100)
    schedule = lf.schedules.constant(steps=2000, peak=1e-3)
    runs = [
        lf.Curve(steps, 2 + 1e3 / np.sqrt(n * steps), schedule, params=n, tokens_per_step=n)
        for n in (1e6, 1e7, 1e8)
    ]
    for law in ("chinchilla", "annealing_size"):  # of which D varies along a run
        fit = lf.fit(law, runs)
        assert not [note for note in fit.notes if "in every row" in note]
    ends = [lf.Curve([1999], run.loss[-1:], schedule, params=run.params, tokens_per_step=run.params)
            for run in runs for _ in range(2)]  # fmt: skip
    (note,) = [note for note in lf.fit("chinchilla", ends).notes if "in every row" in note]
    assert note.startswith("D is 2000*N in every row")


# Residuals of zero


LANCZOS = (0.0951, 1.0, 0.8607, 3.0, 1.5576, 5.0)


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("loss", ["huber", "squared", "soft_l1"])
def test_a33_residuals_of_zero(loss, space):
    law = lf.Law(
        "lanczos",
        "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)",
        [f"b{i}" for i in range(1, 7)],
        y="y",
    )
    x = 0.05 * np.arange(24)
    y = sum(a * np.exp(-b * x) for a, b in zip(LANCZOS[::2], LANCZOS[1::2], strict=True))
    start = (0.5, 0.7, 3.6, 4.2, 4.0, 6.3)
    fit = lf.fit(law, {"x": x, "y": y}, starts=[start], loss=loss, space=space)
    assert fit.status == "converged"
    assert fit.rank == 6
    assert sorted(fit.params.values()) == pytest.approx(sorted(LANCZOS), rel=1e-9)
    assert all(0 <= error < 1e-9 for error in fit.stderr.values())


def test_a33_curves_that_lie_on_their_law():
    fit = lf.fit("annealing", annealing_curves(noise=0))
    assert fit.status == "converged"
    assert fit.rank == 4
    assert all(0 <= fit.stderr[name] < 1e-9 for name in fit.free)
    drawn = lf.bootstrap(fit, 20)
    assert drawn.counts() == {"converged": 20}
