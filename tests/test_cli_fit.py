"""`lawfit fit`, `predict` and `plan`: what Python says, in tables and JSON, and their refusals."""

import json
import os
import re
import shlex
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf
from cli_folder import FITTED, fill
from test_readme import agree

pytest.importorskip("typer")
from typer.testing import CliRunner

from cli_run import message, run, succeed
from lawfit.cli.app import app

GOLDEN = Path(__file__).parent / "golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
WSD = "wsd steps=8000 peak=3e-3 warmup=200 decay_start=6400"
FIT = "fit runs --skip-steps 600 --profile lam=0.99,0.995,0.999"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = fill(tmp_path_factory.mktemp("cli"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        succeed(*FIT.split(), "--out", "fit.json")
    return made


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def curves():
    return lf.read_curves("runs")


@pytest.fixture
def fit(curves):
    return lf.fit("annealing", curves, skip_steps=600, profile={"lam": [0.99, 0.995, 0.999]})


# fit


def test_fit_writes_and_prints_what_python_finds(fit):
    assert lf.Fit.from_json(Path("fit.json").read_text()) == fit
    assert lf.Fit.from_json(succeed(*FIT.split(), "--json")) == fit


def test_options_of_the_fit_reach_it(curves):
    text = succeed(
        "fit", "runs", "--json", "--free", "lam", "--fix", "C=0.25", "--bounds", "alpha=0.1,",
        "--loss", "squared", "--space", "linear", "--warmup", "actual", "--skip-steps", 800,
        "--starts", 3, "--seed", 7, "--threads", 1,
    )  # fmt: skip
    want = lf.fit(
        "annealing", curves, fixed={"lam": None, "C": 0.25}, bounds={"alpha": (0.1, None)},
        loss="squared", space="linear", warmup="actual", skip_steps=800, starts=3, rng=7, threads=1,
    )  # fmt: skip
    assert lf.Fit.from_json(text) == want


def test_options_of_the_reading_reach_it():
    lines = Path("runs/cosine_4000.csv").read_text().splitlines()
    odd = [
        "n,rate,l",
        *(f"{int(a) + 1},{b},{c}" for a, b, c in (x.split(",") for x in lines[1:])),
    ]
    Path("odd.csv").write_text("\n".join(odd) + "\n")
    names = ("--x", "n", "--y", "l", "--lr", "rate", "--one-based", "--params", 25152)
    text = succeed("fit", "odd.csv", "--json", *names)
    curve = lf.read_curves("odd.csv", x="n", y="l", lr="rate", one_based=True, params=25152)
    assert lf.Fit.from_json(text) == lf.fit("annealing", curve)
    plan = "linear steps=4000 peak=3e-3 warmup=200"
    planned = succeed("fit", "odd.csv", "--json", *names, "--schedule", plan)
    assert lf.Fit.from_json(planned) == lf.fit(
        "annealing",
        lf.read_curves("odd.csv", x="n", y="l", lr="rate", one_based=True, schedule=plan),
    )
    assert json.loads(planned)["params"] != json.loads(text)["params"]


def test_tokens_are_steps_by_their_number():
    lines = Path("runs/cosine_4000.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    tokens = [
        "tokens,loss,lr",
        *(f"{(int(step) + 1) * 1024},{loss},{lr}" for step, lr, loss in rows),
    ]
    Path("tokens.csv").write_text("\n".join(tokens) + "\n")
    options = ("--unit", "tokens", "--tokens-per-step", 1024, "--despike", 50)
    fit = lf.Fit.from_json(succeed("fit", "tokens.csv", "--json", *options))
    curve = lf.read_curves("tokens.csv", unit="tokens", tokens_per_step=1024, despike=50)
    assert fit == lf.fit("annealing", curve)
    assert fit.params == lf.fit("annealing", lf.read_curves("runs/cosine_4000.csv")).params


def test_groups_and_a_group_of_them(curves):
    options = {"by": "name", "shared": ["alpha"], "skip_steps": 600, "fixed": {"C": 0.25}}
    text = succeed(
        "fit", "runs", "--by", "name", "--shared", "alpha", "--skip-steps", 600, "--fix", "C=0.25",
        "--out", "g.json",
    )  # fmt: skip
    want = lf.fit("annealing", curves, **options)
    assert lf.GroupedFit.from_json(Path("g.json").read_text()) == want
    assert all(re.search(rf"^{name} +fitted", text, re.MULTILINE) for name in FITTED)
    answer = json.loads(
        succeed("predict", "g.json", "--group", FITTED[0], "--schedule", WSD, "--json")
    )
    schedule = lf.schedules.wsd(steps=8000, peak=3e-3, warmup=200, decay_start=6400)
    assert answer["loss"][-1] == want[FITTED[0]].predict(schedule)[-1]
    refused = run("predict", "g.json", "--schedule", WSD)
    assert refused.exit_code == 3
    assert "a fit across groups; --group takes constant_4000, cosine_4000" in refused.stderr
    refused = run("predict", "g.json", "--schedule", WSD, "--group", "cosine")
    assert "did you mean 'cosine_4000'?" in refused.stderr
    refused = run("predict", "fit.json", "--schedule", WSD, "--group", "cosine")
    assert refused.exit_code == 3
    assert "no fit across groups" in refused.stderr


def test_a_law_from_a_file():
    law = lf.Law(
        "mine",
        "a + b * S1**-c",
        {"a": ..., "b": ..., "c": lf.Parameter(lower=0.0, typical=(0.1, 1))},
    )
    Path("law.json").write_text(json.dumps(law.to_dict()))
    assert (
        json.loads(succeed("fit", "runs", "--law", "law.json", "--json"))["law"]["name"] == "mine"
    )


def test_a_fit_that_does_not_converge_is_code_4_and_written():
    done = run("fit", "runs", "--timeout", 1e-9, "--out", "late.json")
    assert (done.exit_code, done.stderr.count("\n")) == (4, 1)
    assert done.stderr.startswith("lawfit: timeout: ")
    assert json.loads(Path("late.json").read_text())["status"] == "timeout"
    # nothing was found, so nothing is forecast
    done = run("predict", "late.json", "--schedule", WSD)
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.startswith("lawfit: late.json: the fit ended as 'timeout'")


def test_a_fit_the_data_do_not_determine_is_code_4_and_warned_of_later():
    done = run("fit", "runs/constant_4000.csv", "--out", "open.json", "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["status"] == "rank_deficient"
    done = run("predict", "open.json", "--schedule", "constant steps=9000 peak=3e-3")
    assert done.exit_code == 0
    assert "open.json: the fit ended as 'rank_deficient'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--law", "annealng"], "--law: law 'annealng' is unknown; did you mean 'annealing'?"),
        (["--fix", "L=1"], "--fix: 'L' is no parameter of law 'annealing'; did you mean 'L0'?"),
        (["--fix", "L0"], "--fix: 'L0' is no name=value"),
        (["--fix", "L0=x"], "--fix: L0: 'x' is no number"),
        (["--fix", "L0=1", "--fix", "L0=2"], "--fix: L0 is given twice"),
        (["--free", "beta"], "--free: 'beta' is no parameter"),
        (["--bounds", "alpha=1"], "--bounds: alpha: '1' is no pair LOW,HIGH"),
        (["--bounds", "alpha=2,1"], "--bounds: bounds of 'alpha': lower 2.0 must be below"),
        (["--profile", "lam=2"], "--profile: profile of 'lam': 2.0 is outside its bounds"),
        (["--profile", "lam="], "--profile: lam: '' is no number"),
        (["--fix", "lam=0.9", "--profile", "lam=0.9"], "'lam' is both fixed and profiled"),
        (["--delta", "-1"], "delta is -1.0; expected a number > 0"),
        (["--loss", "absolute"], "'absolute' is not one of"),
        (["--timeout", "0"], "--timeout: timeout is 0.0"),
        (["--shared", "C"], "--shared: shared needs by"),
        (["--weights", "w"], "--weights: only a table has weights"),
        (["--schedule", "wsd"], "--schedule: schedule 'wsd': steps is missing"),
    ],
)  # fmt: skip
def test_e40_options_without_a_meaning_are_code_2(arguments, said):
    done = run("fit", "runs", *arguments, "--out", "none.json")
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert said in message(done)
    assert not Path("none.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "step,loss,lr\n1,2,1\n2,x,1\n", "line 3: loss is 'x'; expected a number"),
        ("a.csv", "step,lr\n1,1\n2,1\n", "no column is a loss"),
        ("a.csv", "step,loss\n1,2\n2,1.9\n3,1.8\n", "has no schedule"),
        ("a.csv", "step,loss,lr\n1,-2,1\n2,-3,1\n", "loss at index 0 is -2"),
    ],
)
def test_e40_bad_data_are_code_3_in_one_line(name, content, said):
    Path(name).write_text(content)
    done = run("fit", name, "--out", "none.json")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (3, "", 1), done.output
    assert said in done.stderr
    assert not Path("none.json").exists()


def test_a_place_that_cannot_be_written_is_refused_before_the_work():
    with pytest.raises(FileNotFoundError, match="no such folder"):
        CliRunner().invoke(
            app, ["fit", "nothing", "--out", "no/where.json"], catch_exceptions=False
        )


def test_keep_going_says_what_is_passed_over():
    Path("two").mkdir()
    Path("two/good.csv").write_text(Path("runs/cosine_4000.csv").read_text())
    Path("two/bad.csv").write_text("step,loss,lr\n1,2,1\n2,x,1\n")
    assert run("fit", "two").exit_code == 3
    done = run("fit", "two", "--keep-going", "--json")
    assert done.exit_code == 0, done.output
    assert all(line.startswith("lawfit: ") for line in done.stderr.splitlines())
    assert "bad.csv" in done.stderr
    assert json.loads(done.stdout)["sources"] == [["curve 'good'", 153]]


# predict


def test_predict_gives_what_python_forecasts(fit):
    answer = json.loads(succeed("predict", "fit.json", "--schedule", WSD, "--json", "--level", 0.5))
    schedule = lf.schedules.wsd(steps=8000, peak=3e-3, warmup=200, decay_start=6400)
    low, high = fit.interval(schedule, 0.5, answer["step"])
    assert answer["step"] == [*range(799, 8000, 800)]
    assert answer["lr"] == schedule.at(answer["step"]).tolist()
    assert answer["loss"] == fit.predict(schedule, answer["step"]).tolist()
    assert (answer["lower"], answer["upper"]) == (low.tolist(), high.tolist())
    assert (answer["law"], answer["level"]) == ("annealing", 0.5)


def test_predict_at_steps_that_are_asked_for():
    answer = json.loads(
        succeed("predict", "fit.json", "--schedule", WSD, "--at", "7999,0,500", "--json")
    )
    assert answer["step"] == [7999, 0, 500]
    done = run("predict", "fit.json", "--schedule", WSD, "--at", "8000")
    assert done.exit_code == 2
    assert "expected a step from 0 to 7999" in message(done)
    assert run("predict", "fit.json", "--schedule", WSD, "--at", "1.5").exit_code == 2


def test_predict_scores_runs(fit):
    rows = json.loads(succeed("predict", "fit.json", "runs", "run.csv", "--json"))
    scores = fit.score(lf.read_curves(["runs", "run.csv"]))
    assert [row["run"] for row in rows] == [*scores]
    assert [row["score"] for row in rows] == [score._asdict() for score in scores.values()]
    assert [row["fitted"] for row in rows] == [True, True, False]
    curve = lf.read_curves("run.csv")[0]
    assert rows[2]["forecast"] == fit.predict(curve)[-1]
    assert rows[2]["measured"] == curve.loss[-1]
    assert rows[2]["lr_source"] == curve.lr_source


def test_predict_of_columns():
    answer = json.loads(
        succeed("predict", "sizes.json", "--set", "N=1e9,7e10", "--set", "D=2e10", "--json")
    )
    fit = lf.Fit.from_json(Path("sizes.json").read_text())
    data = {"N": [1e9, 7e10], "D": [2e10, 2e10]}
    low, high = fit.interval(data)
    assert answer == {
        "law": "chinchilla", "level": 0.95, **data, "loss": fit.predict(data).tolist(),
        "lower": low.tolist(), "upper": high.tolist(),
    }  # fmt: skip


def test_a_fit_from_standard_input(fit):
    text = succeed("predict", "-", "--schedule", WSD, "--json", stdin=fit.to_json())
    assert text == succeed("predict", "fit.json", "--schedule", WSD, "--json")
    done = run("predict", "-", "--schedule", WSD, stdin="{")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("lawfit: standard input: this is no JSON")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit.json"], "--schedule: say which to forecast, or give RUNS"),
        (["fit.json", "--schedule", WSD, "--level", "1"], "--level: 1.0 is not between 0 and 1"),
        (["fit.json", "runs", "--at", "1"], "--at: has no meaning beside RUNS"),
        (["sizes.json", "--set", "N=1"], "--set: D is missing: --set D=…"),
        (["sizes.json", "--set", "N=1,2,3", "--set", "D=1,2"], "--set"),
        (["sizes.json", "--set", "M=1"], "--set: 'M' is no column of law 'chinchilla'"),
        (["sizes.json", "--schedule", WSD], "--schedule: has no meaning beside --set"),
    ],
)
def test_e40_predict_s_options_without_a_meaning_are_code_2(arguments, said):
    done = run("predict", *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert said in message(done)


# plan


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
        "lawfit: apart.json: is a fit across groups; a crossover is of fits of one"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("compute-optimal sizes.json --flops 0", 2, "--flops: 0 is not above 0"),
        ("compute-optimal sizes.json --flops x", 2, "--flops: flops: 'x' is no number"),
        ("compute-optimal sizes.json --flops 1e9 --at U=1", 2, "--at: 'U' is no column"),
        ("compute-optimal fit.json --flops 1e9", 3, "compute_optimal"),
        ("needed-for sizes.json --reducible 1", 3, "needed_for"),
        ("crossover power.json other.json --column z --low 1 --high 2", 2, "--column: law 'power'"),
    ],
)
def test_e40_plans_that_cannot_be_made(arguments, code, said):
    done = run("plan", *arguments.split())
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    assert said in message(done)


# Golden tables


GOLDENS = {
    "fit": FIT,
    "predict_schedule": f"predict fit.json --schedule '{WSD}'",
    "predict_runs": "predict fit.json runs run.csv",
    "predict_columns": "predict sizes.json --set N=1e9,7e10 --set D=2e10",
    "plan_compute_optimal": "plan compute-optimal sizes.json --flops 1e20,1e22",
    "plan_needed_for": "plan needed-for power.json --reducible 0.5,0.1",
    "plan_crossover": "plan crossover power.json other.json --column x --low 1 --high 1e4",
    "laws_one": "laws data_constrained",
}


@pytest.mark.parametrize("name", GOLDENS)
def test_golden_tables(name):
    """UPDATE_GOLDEN=1 brings them up to date."""
    printed = "".join(
        f"{line.rstrip()}\n" for line in succeed(*shlex.split(GOLDENS[name])).splitlines()
    )
    path = GOLDEN / f"cli_{name}.txt"
    if UPDATE:
        path.write_text(printed, encoding="utf-8")
    lines = zip_longest(
        path.read_text(encoding="utf-8").splitlines(), printed.splitlines(), fillvalue=""
    )
    assert [pair for pair in lines if not agree(*pair)] == []


def test_tables_fit_80_columns():
    for name in set(GOLDENS) - {"fit", "plan_crossover"}:  # sentences, as in Python
        assert max(map(len, succeed(*shlex.split(GOLDENS[name])).splitlines())) <= 80, name
