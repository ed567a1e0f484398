"""Fixtures of the tests of reports: a browser, and a report open in it."""

import pytest

import lawfit as lf
from browser import Browser
from lawfit.report import write_report


@pytest.fixture(scope="session")
def browser():
    with Browser() as running:
        yield running


@pytest.fixture(scope="session")
def curves():
    return lf.samples.curves()


@pytest.fixture(scope="session")
def annealing(curves):
    return lf.fit(
        "annealing", curves[["constant_4000", "cosine_4000"]], skip_steps=600, fixed={"lam": None}
    )


@pytest.fixture(scope="session")
def report(annealing, curves, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(annealing, path, curves, resamples=lf.bootstrap(annealing, 100, threads=1))
    return path


@pytest.fixture
def page(browser, report):
    opened = browser.open(report)
    yield opened
    assert opened.complaints == []
    opened.close()
