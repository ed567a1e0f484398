"""`lawfit plan`: what Python makes of a fit, in tables and JSON, and its refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf

pytest.importorskip("typer")
from cli_run import fitted_folder, message, run, succeed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted_folder(tmp_path_factory.mktemp("plan"))


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_plan_compute_optimal():
    fit = lf.Fit.from_json(Path("sizes.json").read_text())
    answer = json.loads(
        succeed("plan", "compute-optimal", "sizes.json", "--flops", "1e20,1e22", "--json")
    )
    want = lf.compute_optimal(fit, [1e20, 1e22])
    for name in ("flops", "N", "D", "loss", "exponent", "N_interval", "at_end"):
        assert answer[name] == getattr(want, name).tolist(), name
    assert answer["level"] == 0.95


def test_plan_needed_for():
    fit = lf.Fit.from_json(Path("power.json").read_text())
    answer = json.loads(
        succeed("plan", "needed-for", "power.json", "--reducible", "0.1", "--json", "--draws", 0)
    )
    assert answer["x"] == [pytest.approx(float(lf.needed_for(fit, 0.1, draws=0).x), rel=1e-15)]
    assert "low" not in answer


def test_plan_crossover():
    arguments = ["plan", "crossover", "power.json", "other.json", "--column", "x"]
    fits = [lf.Fit.from_json(Path(f"{name}.json").read_text()) for name in ("power", "other")]
    answer = json.loads(succeed(*arguments, "--low", 1, "--high", 1e4, "--json"))
    want = lf.crossover(*fits, "x", low=1, high=1e4)
    assert (answer["x"], answer["share"]) == (want.x, want.share)
    assert answer["x"] == pytest.approx(100, rel=0.01)  # 3/√x = 30/x
    piped = ["plan", "crossover", "-", *arguments[3:], "--low", 1, "--high", 1e4, "--json"]
    assert json.loads(succeed(*piped, stdin=fits[0].to_json())) == answer
    none = succeed(*arguments, "--low", 1e3, "--high", 1e4)
    assert none == f"{lf.crossover(*fits, 'x', low=1e3, high=1e4).message}\n"


def test_plan_crossover_takes_columns_of_either_law():
    table = {"x": np.geomspace(1, 1e4, 12), "U": np.tile([1.0, 2.0, 4.0], 4)}
    table["y"] = 3 / np.sqrt(table["x"]) + 0.2 / table["U"]
    law = lf.Law("with_u", "a * x**-0.5 + b / U", ["a", "b"], y="y")
    Path("with_u.json").write_text(lf.fit(law, table).to_json())
    fits = [lf.Fit.from_json(Path(f"{name}.json").read_text()) for name in ("power", "with_u")]
    given = ["--column", "x", "--low", 1, "--high", 1e6, "--at", "U=10"]
    want = lf.crossover(*fits, "x", low=1, high=1e6, at={"U": 10.0}).message
    assert succeed("plan", "crossover", "power.json", "with_u.json", *given) == f"{want}\n"
    done = run("plan", "crossover", "power.json", "with_u.json", *given, "--at", "V=1")
    assert "--at: 'V' is no column of law 'power' or law 'with_u'" in message(done)


def test_plan_crossover_of_a_fit_across_groups():
    x = np.geomspace(1, 1e4, 12)
    table = {
        "x": np.tile(x, 2),
        "y": np.tile(3 / np.sqrt(x) + 1, 2),
        "g": np.repeat(["a", "b"], 12),
    }
    Path("apart.json").write_text(lf.fit("power", table, by="g").to_json())
    given = ["--column", "x", "--low", 1, "--high", 10]
    done = run("plan", "crossover", "apart.json", "power.json", *given)
    assert (done.exit_code, done.stdout) == (3, "")
    assert message(done) == (
        "lawfit: apart.json: is a fit across groups; expected that of one, such as of a, b"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("compute-optimal sizes.json --flops 0", 2, "--flops: 0 is not above 0"),
        ("compute-optimal sizes.json --flops x", 2, "--flops: flops: 'x' is no number"),
        ("compute-optimal sizes.json --flops 1e9 --at U=1", 2, "--at: 'U' is no column"),
        (
            "compute-optimal sizes.json --flops 1e9 --flops-per-param-token 0",
            2,
            "--flops-per-param-token: 0 is no finite number above 0",
        ),
        (
            "crossover power.json other.json --column x --low 2 --high 1",
            2,
            "--high: 1 is no finite number above that of --low, 2",
        ),
        ("compute-optimal fit.json --flops 1e9", 3, "compute_optimal"),
        ("needed-for sizes.json --reducible 1", 3, "needed_for"),
        ("crossover power.json other.json --column z --low 1 --high 2", 2, "--column: law 'power'"),
    ],
)
def test_e40_plans_that_cannot_be_made(arguments, code, said):
    done = run("plan", *arguments.split())
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    assert said in message(done)
