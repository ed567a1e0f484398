"""`lawfit fit`: what Python finds, in a table and JSON, and its refusals; the tables of others."""

import json
import os
import re
import shlex
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

import lawfit as lf
from cli_folder import FITTED, fill, size_table
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
    refused = run(
        "plan", "crossover", "g.json", "power.json", "--column", "x", "--low", 1, "--high", 2
    )  # takes no group
    assert (refused.exit_code, "--group" in refused.stderr) == (3, False)
    assert "such as of constant_4000, cosine_4000" in refused.stderr
    refused = run("predict", "g.json", "--schedule", WSD, "--group", "cosine")
    want = "lawfit: g.json: group 'cosine' is unknown; the nearest is 'cosine_4000', of 2 groups\n"
    assert refused.stderr == want
    refused = run("predict", "fit.json", "--schedule", WSD, "--group", "cosine")
    assert refused.exit_code == 3
    assert "no fit across groups" in refused.stderr


def test_a_group_is_named_by_any_text_of_its_number():
    table = size_table()
    table = {name: np.concatenate([column, column]) for name, column in table.items()}
    table["size"] = np.repeat([1e7, 25e6], 36)
    fits = lf.fit("chinchilla", table, by="size", shared=["alpha"])
    Path("by_size.json").write_text(fits.to_json())
    given = ("predict", "by_size.json", "--set", "N=1e8", "--set", "D=1e10", "--json", "--group")
    for text in ("1e+07", "1e7", "10000000", "1e7 "):
        answer = json.loads(succeed(*given, text))
        assert answer["loss"] == fits[1e7].predict({"N": [1e8], "D": [1e10]}).tolist()
    refused = run(*given, "3e7")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert "by_size.json: group 30000000.0 is unknown; the nearest are 2.5e+07" in refused.stderr


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


@pytest.mark.parametrize("grouped", [(), ("--by", "name")])
def test_a_fit_may_lie_beside_its_log(grouped):
    Path("solo.csv").write_text(Path("runs/cosine_4000.csv").read_text())
    options = ("fit", "solo.csv", "--fix", "C=0.25", *grouped, "--out", "solo.json")
    first = succeed(*options)
    assert succeed(*options) == first  # the fit beside the log is no settings of it
    group = ("--group", "solo") if grouped else ()
    [row] = json.loads(succeed("predict", "solo.json", "solo.csv", *group, "--json"))
    assert row["fitted"]
    Path("solo.json").unlink()


def test_a_file_without_a_law_is_named():
    for content, said in (
        ("{}", "law: key 'parameters' is missing"),
        ("[]", "law: expected an object"),
    ):
        Path("no_law.json").write_text(content)
        done = run("fit", "runs", "--law", "no_law.json")
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"--law: no_law.json: {said}" in message(done)
    for arguments in (("predict", "runs", "--schedule", WSD), ("compare", "fit.json", "runs")):
        assert run(*arguments).stderr == "lawfit: runs: is a folder; expected a file of JSON\n"


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
        (["--free", "lam=0.9"], "--free: lam: a parameter that is fitted has no value"),
        (["--free", "lam", "--fix", "lam=0.9"], "--free: 'lam' is fixed as well"),
        (["--free", "lam", "--profile", "lam=0.9"], "--free: 'lam' is profiled as well"),
        (["--bounds", "alpha=1"], "--bounds: alpha: '1' is no pair LOW,HIGH"),
        (["--bounds", "alpha=2,1"], "--bounds: bounds of 'alpha': lower 2.0 must be below"),
        (["--profile", "lam=2"], "--profile: profile of 'lam': 2.0 is outside its bounds"),
        (["--profile", "lam="], "--profile: lam: '' is no number"),
        (["--fix", "lam=0.9", "--profile", "lam=0.9"], "'lam' is both fixed and profiled"),
        (["--delta", "-1"], "delta is -1.0; expected a number > 0"),
        (["--params", "-1"], "--params: -1 is no finite number above 0"),
        (["--tokens-per-step", "nan"], "--tokens-per-step: nan is no finite number above 0"),
        (["--samples-per-step", "0"], "--samples-per-step: 0 is no finite number above 0"),
        (["--despike", "inf"], "--despike: inf is no finite number above 0"),
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
