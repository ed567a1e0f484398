"""`lawfit compare`, and all commands in turn on the logs of the sample runs."""

import json
from pathlib import Path

import pytest

import lawfit as lf
from cli_folder import fill, size_table, start, write_csv

pytest.importorskip("typer")
from cli_run import fitted_folder, message, run, succeed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fitted_folder(tmp_path_factory.mktemp("compare"))


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


@pytest.fixture
def fits():
    names = ("fit", "other_fit")
    return {name: lf.Fit.from_json(Path(f"{name}.json").read_text()) for name in names}


def test_compare_prints_what_python_finds(fits):
    want = lf.compare(fits, lf.read_curves("runs"), held_out=lf.read_curves("run.csv"))
    given = ("compare", "fit.json", "other_fit.json", "--data", "runs", "--held-out", "run.csv")
    assert succeed(*given) == f"{want}\n"
    found = json.loads(succeed(*given, "--json"))
    assert (
        (found["best"], found["criterion"])
        == (want.best, want.criterion)
        == ("other_fit", "held_out")
    )
    for row, compared in zip(found["rows"], want, strict=True):
        assert row["name"] == compared.name
        assert (row["AIC"], row["BIC"], row["free"]) == (compared.AIC, compared.BIC, compared.free)
        assert row["held_out"]["run"]["MAE"] == compared.held_out["run"].MAE
        assert [*row["cross_validated"]] == [*compared.cross_validated]
        assert row["training"] == compared.training._asdict()


def test_without_data_the_likelihood_decides(fits):
    found = json.loads(succeed("compare", "fit.json", "other_fit.json", "--json"))
    assert found["criterion"] == lf.compare(fits).criterion == "AIC"
    assert all(row["held_out"] is row["cross_validated"] is None for row in found["rows"])


def test_files_are_told_apart_by_as_much_as_it_takes():
    Path("there").mkdir(exist_ok=True)
    Path("there/fit.json").write_text(Path("other_fit.json").read_text())
    found = json.loads(succeed("compare", "fit.json", "there/fit.json", "other_fit.json", "--json"))
    assert [row["name"] for row in found["rows"]] == ["fit.json", "there/fit.json", "other_fit"]


def test_a_name_may_be_what_another_begins_with():
    for name in ("there/a.json", "a.json", "a.json.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(Path("fit.json").read_text())
    found = json.loads(succeed("compare", "a.json", "there/a.json", "a.json.json", "--json"))
    assert [row["name"] for row in found["rows"]] == ["a.json", "there/a.json", "a.json.json"]


def test_a_fit_that_has_not_converged_is_named_by_its_file():
    run("fit", "runs/constant_4000.csv", "--out", "open.json")
    done = run("compare", "fit.json", "open.json")
    assert done.exit_code == 0
    assert done.stderr.startswith("lawfit: open.json: the fit ended as 'rank_deficient'")


def test_laws_of_columns_are_compared_on_a_table():
    table = size_table()
    write_csv(Path("sizes.csv"), table)
    succeed("fit", "sizes.csv", "--law", "chinchilla", "--out", "one.json")
    succeed("fit", "sizes.csv", "--law", "kaplan_nd", "--out", "two.json")
    given = ("one.json", "two.json", "--data", "sizes.csv", "--folds", 3, "--seed", 5, "--json")
    printed = succeed("compare", *given)
    write_csv(Path("renamed.csv"), {"L" if k == "loss" else k: v for k, v in table.items()})
    given = [each.replace("sizes", "renamed") if isinstance(each, str) else each for each in given]
    assert succeed("compare", *given, "--y", "L") == printed
    found = json.loads(printed)
    fits = {n: lf.fit(law, table) for n, law in (("one", "chinchilla"), ("two", "kaplan_nd"))}
    want = lf.compare(fits, table, folds=3, rng=5)
    assert found["best"] == want.best
    for row, compared in zip(found["rows"], want, strict=True):
        assert len(row["cross_validated"]) == 3
        assert row["cross_validated"]["fold 1"]["MAE"] == compared.cross_validated["fold 1"].MAE


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fit.json"], 2, "FIT: one fit; expected at least two"),
        (["fit.json", "fit.json"], 2, "FIT: one fit twice"),
        (["fit.json", "run.csv"], 3, "run.csv: this is no JSON"),
        (["fit.json", "other_fit.json", "--data", "run.csv"], 3, "lawfit: "),
        (["fit.json", "other_fit.json", "--folds", "1"], 2, "--folds"),
        (["fit.json", "other_fit.json", "--y", "l"], 2, "--y: has no meaning beside saved fits"),
    ],
)
def test_e40_comparisons_without_a_meaning(arguments, code, said):
    done = run("compare", *arguments)
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    assert said in message(done)


def test_from_logs_to_a_plan(tmp_path):
    """Fit two runs, forecast a third, choose between two fits, and plan a longer run."""

    def lawfit(*arguments):
        done = start(*arguments, "--json", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return json.loads(done.stdout)

    fill(tmp_path)
    profile = ("--profile", "lam=0.99,0.995,0.999", "--skip-steps", 600)
    fit = lawfit("fit", "runs", "--law", "annealing", *profile, "--out", "fit.json")
    lawfit("fit", "runs", "--law", "annealing", "--skip-steps", 600, "--out", "usual.json")
    [row] = lawfit("predict", "fit.json", "run.csv")
    assert not row["fitted"]
    assert row["forecast"] == pytest.approx(row["measured"], abs=0.01)  # measured, not made up
    compared = lawfit("compare", "fit.json", "usual.json", "--held-out", "run.csv")
    assert compared["best"] == "fit"
    assert compared["rows"][0]["held_out"]["run"]["MAE"] == row["score"]["MAE"]
    held = ("--steps", 8000, "--peak", 3e-3, "--warmup", 200, "--out", "plan.json")
    plan = lawfit("design", "fit.json", *held)
    assert all(plan["loss"] < usual["loss"] for usual in plan["baselines"])
    forecast = lawfit("predict", "fit.json", "--schedule", "plan.json", "--at", 7999)
    assert forecast["loss"] == [pytest.approx(plan["loss"], rel=1e-12)]
    saved = lf.Fit.from_json((tmp_path / "fit.json").read_text())
    assert saved == lf.Fit.from_dict(fit)
    schedule = lf.Schedule.from_dict(json.loads((tmp_path / "plan.json").read_text()))
    assert saved.predict(schedule)[-1] == forecast["loss"][0]
