"""`lawfit predict`: what Python forecasts, in tables and JSON, and its refusals."""

import json
import re
from pathlib import Path

import pytest

import lawfit as lf

pytest.importorskip("typer")
from cli_run import fitted_folder, message, run, succeed

WSD = "wsd steps=8000 peak=3e-3 warmup=200 decay_start=6400"
FITTED_BY = ("--skip-steps", 600, "--profile", "lam=0.99,0.995,0.999")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted_folder(tmp_path_factory.mktemp("predict"), *FITTED_BY)


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def fit():
    return lf.Fit.from_json(Path("fit.json").read_text())


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


@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11])
def test_predict_shows_no_more_steps_than_there_are(steps, fit):
    plan = f"constant steps={steps} peak=3e-3"
    answer = json.loads(succeed("predict", "fit.json", "--schedule", plan, "--json"))
    assert len(answer["step"]) == min(steps, 10)
    assert answer["step"][-1] == steps - 1
    assert answer["step"] == sorted({*answer["step"]} & {*range(steps)})
    assert (
        answer["loss"]
        == fit.predict(lf.schedules.constant(steps=steps, peak=3e-3), answer["step"]).tolist()
    )


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


@pytest.mark.parametrize("space", ["log", "linear"])
def test_a_run_of_the_same_name_is_not_the_one_fitted(space):
    options = ("--skip-steps", 600, "--fix", "lam=0.995", "--space", space)
    succeed("fit", "runs", *options, "--out", "of_space.json")
    succeed("fit", "runs", *options, "--by", "name", "--fix", "C=0.25", "--out", "grouped.json")
    lines = Path("runs/cosine_4000.csv").read_text().splitlines()
    Path("others").mkdir(exist_ok=True)
    changed = [f"{line[:-1]}{(int(line[-1]) + 5) % 10}" for line in lines[1:]]
    Path("others/cosine_4000.csv").write_text("\n".join([lines[0], *changed, ""]))
    rows = json.loads(succeed("predict", "of_space.json", "runs", "--json"))
    assert [row["fitted"] for row in rows] == [True, True]
    [row] = json.loads(succeed("predict", "of_space.json", "others", "--json"))
    assert (row["run"], row["fitted"]) == ("cosine_4000", False)
    assert re.search("^cosine_4000 +forecast", succeed("predict", "of_space.json", "others"), re.M)
    Path("others/another_name.csv").write_text("\n".join([*lines, ""]))
    [row] = json.loads(succeed("predict", "of_space.json", "others/another_name.csv", "--json"))
    assert row["fitted"]
    Path("others/another_name.csv").write_text("\n".join([*lines[:-1], "3999,0.0003,0", ""]))
    [row] = json.loads(succeed("predict", "of_space.json", "others/another_name.csv", "--json"))
    assert (row["measured"], row["fitted"]) == (0, False)
    Path("others/another_name.csv").unlink()
    given = ("--group", "cosine_4000", "--json")
    for source, fitted in (("runs/cosine_4000.csv", True), ("others", False)):
        [row] = json.loads(succeed("predict", "grouped.json", source, *given))
        assert row["fitted"] is fitted


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e4])
def test_small_losses_are_shown_by_their_digits(scale):
    lines = Path("run.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    text = "".join(f"{step},{lr},{float(loss) * scale!r}\n" for step, lr, loss in rows)
    Path("scaled.csv").write_text(f"{lines[0]}\n{text}")
    printed = succeed("fit", "scaled.csv", "--skip-steps", 600)
    _, measured, law, error, mae = re.search(
        r"^scaled +fitted +(\d+) +(\S+) +(\S+) +(\S+) +(\S+)", printed, re.MULTILINE
    ).groups()
    assert float(measured) == pytest.approx(1.6129 * scale, rel=1e-3)
    assert float(error) == pytest.approx(float(law) - float(measured), rel=0.2)
    assert float(mae) > 0


def test_predict_says_what_was_done_to_runs():
    lines = Path("run.csv").read_text().splitlines()
    lines[9] = f"{lines[9].rpartition(',')[0]},nan"
    Path("gaps.csv").write_text("\n".join([*lines, ""]))
    curve = lf.read_curves("gaps.csv")[0]
    assert len(curve) == 159
    [row] = json.loads(succeed("predict", "fit.json", "gaps.csv", "--json"))
    assert row["notes"] == [f"curve 'gaps': {note}" for note in curve.notes]
    printed = " ".join(succeed("predict", "fit.json", "gaps.csv").split())
    assert all(f" note: curve 'gaps': {note}" in printed for note in curve.notes)


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


def test_numbers_are_whole_however_many_there_are():
    law = lf.Law("wide", "a * x1 + b * x2 + x3 + x4 + x5 + x6 + x7", {"a": ..., "b": ...}, y="y")
    columns = {f"x{k}": [1.5, 2.5, 4.5] for k in range(3, 8)}
    table = {"x1": [1.0, 2.0, 3.0], "x2": [1.0, 4.0, 9.0], **columns, "y": [9.0, 20.0, 30.0]}
    Path("wide.json").write_text(lf.fit(law, table, loss="squared", space="linear").to_json())
    values = [f"{name}={k}.23456e-{100 + k}" for k, name in enumerate([*table][:-1], 1)]
    options = [option for value in values for option in ("--set", value)]
    head, _, row = succeed("predict", "wide.json", *options).splitlines()
    assert head.split()[:8] == [*table]
    assert row.split()[:7] == [value.partition("=")[2] for value in values]
    assert "…" not in row


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
        (["fit.json", "runs", "--level", "0.5"], "--level: has no meaning beside RUNS"),
        (["fit.json", "runs", "--at", "1"], "--at: has no meaning beside RUNS"),
        (["sizes.json", "--set", "N=1"], "--set: D is missing: --set D=…"),
        (
            ["sizes.json", "--set", "N=1,2,3", "--set", "D=1,2"],
            "--set: D has 2 values; expected 1, or 3 as another has",
        ),
        (["sizes.json", "--set", "M=1"], "--set: 'M' is no column of law 'chinchilla'"),
        (["sizes.json", "--schedule", WSD], "--schedule: has no meaning beside --set"),
        (["sizes.json", "--set", "N=1", "--params", "3"], "--params: has no meaning beside --set"),
        (["fit.json", "--schedule", WSD, "--y", "l"], "--y: has no meaning beside a forecast"),
    ],
)
def test_e40_predict_s_options_without_a_meaning_are_code_2(arguments, said):
    done = run("predict", *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert said in message(done)
