"""`lawfit design`: what Python finds, as a table, JSON and a schedule that other commands read."""

import json
import re
from pathlib import Path

import pytest

import lawfit as lf

pytest.importorskip("typer")
from cli_run import fitted_folder, message, run, succeed

HELD = ("--steps", 8000, "--peak", 3e-3, "--warmup", 200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted_folder(
        tmp_path_factory.mktemp("design"), "--fix", "lam=0.995", "--skip-steps", 600
    )


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def fit():
    return lf.Fit.from_json(Path("fit.json").read_text())


def test_design_prints_what_python_finds(fit):
    want = lf.design_schedule(fit, steps=8000, peak=3e-3, warmup=200)
    assert succeed("design", "fit.json", *HELD) == f"{want}\n"
    found = json.loads(succeed("design", "fit.json", *HELD, "--json"))
    assert lf.Schedule.from_dict(found["schedule"]) == want.schedule
    for name in ("shape", "start", "end", "loss", "lower", "upper", "level"):
        assert found[name] == getattr(want, name), name
    assert found["window"] == list(want.window)
    assert [each["name"] for each in found["baselines"]] == [each.name for each in want.baselines]
    assert [each["gain"] for each in found["baselines"]] == [each.gain for each in want.baselines]


def test_options_of_the_design_reach_it(fit):
    found = json.loads(
        succeed(
            "design", "fit.json", *HELD, "--json", "--ramp", "shifted", "--shape", "linear,cosine",
            "--end", "3e-5,3e-4", "--level", 0.5,
        )
    )  # fmt: skip
    want = lf.design_schedule(
        fit, steps=8000, peak=3e-3, warmup=200, ramp="shifted", shape=["linear", "cosine"],
        end=[3e-5, 3e-4], level=0.5,
    )  # fmt: skip
    assert lf.Schedule.from_dict(found["schedule"]) == want.schedule
    assert (found["lower"], found["upper"]) == (want.lower, want.upper)


def test_a_free_form(fit):
    found = json.loads(succeed("design", "fit.json", *HELD, "--free", "--end", 3e-4, "--json"))
    want = lf.design_schedule(fit, steps=8000, peak=3e-3, warmup=200, form="free", end=3e-4)
    assert lf.Schedule.from_dict(found["schedule"]) == want.schedule
    assert found["shape"] == "free"


def test_the_schedule_is_one_that_predict_reads():
    printed = succeed("design", "fit.json", *HELD, "--out", "plan.json")
    assert printed.endswith("\nSchedule: plan.json\n")
    found = json.loads(succeed("design", "fit.json", *HELD, "--json"))
    forecast = json.loads(
        succeed("predict", "fit.json", "--schedule", "plan.json", "--at", 7999, "--json")
    )
    assert forecast["loss"] == [pytest.approx(found["loss"], rel=1e-12)]
    assert forecast["lower"] == [pytest.approx(found["lower"], rel=1e-12)]
    assert re.search(r"^ *7999 ", succeed("predict", "fit.json", "--schedule", "plan.json"), re.M)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", 0], "steps is 0"),
        (["--warmup", 9000], "warmup is 9000"),
        (["--peak", "nan"], "peak is nan"),
        (["--ramp", "open,closed"], "--ramp"),
        (["--shape", "linar"], "--shape: shape 'linar' is unknown; did you mean 'linear'?"),
        (["--shape", "linear", "--free"], "--shape: has no meaning beside --free"),
        (["--end", "0,1e-4", "--free"], "--end: a free form has one"),
        (["--end", "0,4e-3"], "--end: 0.004 is not from 0 to the peak, 0.003"),
        (["--params", "0"], "--params: 0 is no finite number above 0"),
        (["--end", "low"], "--end: end: 'low' is no number"),
        (["--out", "no/where.json"], None),
    ],
)
def test_e40_designs_without_a_meaning(arguments, said, capsys):
    done = run("design", "fit.json", *HELD, *arguments)
    assert done.stdout == ""
    if said is None:
        assert isinstance(done.exception, FileNotFoundError)
    else:
        assert done.exit_code == 2
        assert said in message(done)


def test_e40_a_law_without_a_schedule_is_code_3():
    done = run("design", "sizes.json", *HELD)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "chinchilla" in done.stderr
