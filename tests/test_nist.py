"""NIST's nonlinear regression sets, at the default settings and from a single start."""

import numpy as np
import pytest

import lawfit as lf
from nist_data import FORMULAS, nist, nist_names

# Runs that end elsewhere: (set, start).
UNSOLVED = [("BoxBOD", 0), ("MGH10", 0), ("MGH17", 0)]
RUNS = [(name, k) for name in nist_names() for k in (0, 1) if (name, k) not in UNSOLVED]
NUMPY = {"exp": np.exp, "cos": np.cos, "sin": np.sin, "atan": np.arctan, "pi": np.pi}


def fitted(law, run, k):
    return lf.fit(law, run.data, loss="squared", space="linear", starts=run.start(k))


def opaque(run):
    """Return the set's law as a function that says nothing of itself."""
    code = compile(FORMULAS[run.name], run.name, "eval")

    def law(*columns, **parameters):
        known = {**NUMPY, **dict(zip(run.columns, columns, strict=True)), **parameters}
        return eval(code, {}, known)

    return lf.CallableLaw(law, run.names, list(run.columns), y="y", name=run.name)


@pytest.mark.parametrize(("name", "k"), RUNS)
def test_a_formula_is_fitted_to_13_digits(name, k):
    run = nist(name)
    fit = fitted(run.law, run, k)
    assert fit.status == "converged"
    assert run.digits(list(fit.params.values()), run.solution) >= 13
    assert run.digits(list(fit.params.values()), run.certified) >= 10
    assert max(fit.precision.values()) <= 1e-14
    if name != "Lanczos1":
        assert run.digits(list(fit.stderr.values()), run.stderr) >= 9


@pytest.mark.parametrize(("name", "k"), RUNS)
def test_a_function_is_fitted_to_6_digits(name, k):
    run = nist(name)
    fit = fitted(opaque(run), run, k)
    assert fit.status == "converged"
    assert run.digits(list(fit.params.values()), run.solution) >= 6
    if name != "Lanczos1":
        assert run.digits(list(fit.stderr.values()), run.stderr) >= 6
    # It says about how many digits it has.
    worst = max(fit.precision.values())
    assert 10 ** -run.digits(list(fit.params.values()), run.solution) <= 100 * worst <= 1e-4


def test_residuals_that_are_mostly_rounding_of_the_data():
    """Lanczos1's residuals are 9e-14 beside y of 2.5: rounded to doubles, it is another set.

    Its certified errors are those of the decimals. Those of the doubles, by mpmath at the certified
    solution of 25 digits, agree with the fit's.
    """
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 50
    run = nist("Lanczos1")
    fit = fitted(run.law, run, 1)
    b = [mp.mpf(digits) for digits in run.digits_of_solution]
    x, y = ([mp.mpf(v) for v in column] for column in (run.columns["x"], run.y))
    decays = [[mp.exp(-rate * t) for rate in b[1::2]] for t in x]
    jac = mp.matrix(
        [
            [entry for a, e in zip(b[::2], row, strict=True) for entry in (e, -a * t * e)]
            for t, row in zip(x, decays, strict=True)
        ]
    )
    residuals = [mp.fdot(b[::2], row) - measured for row, measured in zip(decays, y, strict=True)]
    squares = mp.fsum(r * r for r in residuals)
    cov = (jac.T * jac) ** -1 * (squares / (len(x) - len(b)))
    errors = [float(mp.sqrt(cov[k, k])) for k in range(len(b))]
    assert fit.objective == pytest.approx(float(squares / 2), rel=1e-15)
    assert run.digits(list(fit.stderr.values()), errors) >= 9
    assert 3 < run.digits(list(fit.stderr.values()), run.stderr) < 4
    np.testing.assert_allclose(
        sorted(fit.residuals), sorted(map(float, residuals)), rtol=0, atol=1e-23
    )
