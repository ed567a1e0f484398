"""`lawfit report`: the file that Python writes."""

import json
from pathlib import Path

import pytest

import lawfit as lf
from lawfit.report import write_report

pytest.importorskip("typer")
from cli_run import fitted_folder, message, run, succeed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted_folder(tmp_path_factory.mktemp("report"))


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def fit():
    return lf.Fit.from_json(Path("fit.json").read_text())


def test_a_report_is_what_python_writes(fit):
    given = ("report", "fit.json", "runs", "run.csv")
    options = ("--title", "Two <runs>", "--level", 0.5, "--no-replay")
    assert succeed(*given, *options, "-o", "a.html") == "Report: a.html\n"
    runs = lf.read_curves(["runs", "run.csv"])
    write_report(fit, "b.html", runs, title="Two <runs>", level=0.5, replay=False)
    content = Path("a.html").read_bytes()
    assert content == Path("b.html").read_bytes()
    assert b"Two &lt;runs&gt;" in content


def test_a_report_of_a_fit_alone(fit):
    found = json.loads(succeed("report", "fit.json", "--json"))
    write_report(fit, "alone.html")
    assert Path("report.html").read_bytes() == Path("alone.html").read_bytes()
    assert found == {"report": "report.html", "bytes": Path("report.html").stat().st_size}


def test_budgets_are_drawn():
    succeed("report", "sizes.json", "--flops", "1e20,1e21", "-o", "sizes.html")
    fit = lf.Fit.from_json(Path("sizes.json").read_text())
    write_report(fit, "want.html", flops=[1e20, 1e21])
    assert Path("sizes.html").read_bytes() == Path("want.html").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Missing argument 'FIT'"),
        (["fit.json", "--flops", "x"], 2, "--flops: flops: 'x' is no number"),
        (["sizes.json", "--flops", "1e21,0"], 2, "--flops: 0 is not above 0"),
        (["fit.json", "--level", "2"], 2, "--level: 2.0 is not between 0 and 1"),
        (["fit.json", "--y", "l"], 2, "--y: has no meaning beside a fit without RUNS"),
        (["run.csv"], 3, "run.csv: this is no JSON"),
        (["fit.json", "--flops", "1e21"], 2, "--flops: law 'annealing' is not of N and D"),
    ],
)
def test_e40_reports_that_cannot_be_written(arguments, code, said):
    done = run("report", *arguments, "-o", "none.html")
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    assert said in message(done)
    assert not Path("none.html").exists()


def test_a_place_that_cannot_be_written_is_refused_before_the_work():
    done = run("report", "nothing is read", "-o", "no/where.html")
    assert isinstance(done.exception, FileNotFoundError)
    assert "no such folder" in str(done.exception)
