"""Laws of columns on the command line: tables, their weights and groups; sizes over curves."""

import json
import re

import numpy as np
import pytest

import lawfit as lf
from cli_folder import fill, size_table, write_csv

pytest.importorskip("typer")
from cli_run import message, run, succeed

LAW = ("--law", "chinchilla")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path))
    return tmp_path


def test_a_law_of_columns_is_fitted_to_a_table(folder):
    table = size_table()
    write_csv(folder / "sizes.csv", table)
    fit = lf.fit("chinchilla", table, nan_policy="omit")
    assert lf.Fit.from_json(succeed("fit", "sizes.csv", *LAW, "--json")) == fit
    printed = succeed("fit", "sizes.csv", *LAW, "--out", "sizes.json")
    assert printed.startswith(fit.summary())
    assert f"{fit.training.MAE:.4f}" in printed.splitlines()[-3]
    rows = json.loads(succeed("predict", "sizes.json", "sizes.csv", "--json"))
    assert [row["score"] for row in rows] == [fit.score(table)["data"]._asdict()]
    assert (rows[0]["points"], rows[0]["measured"], rows[0]["step"]) == (36, None, None)
    assert rows[0]["fitted"] is None
    assert "36" in succeed("predict", "sizes.json", "sizes.csv")


def test_tables_are_put_together_row_after_row(folder):
    table = size_table()
    write_csv(folder / "a.csv", {name: column[:20] for name, column in table.items()})
    write_csv(folder / "b.csv", {name: column[20:] for name, column in table.items()})
    text = succeed("fit", "a.csv", "b.csv", *LAW, "--json")
    assert lf.Fit.from_json(text) == lf.fit("chinchilla", table, nan_policy="omit")


def test_folders_and_patterns_of_tables(folder):
    table = size_table()
    (folder / "tables").mkdir()
    for name, rows in (("a", slice(20)), ("b", slice(20, None))):
        write_csv(folder / f"tables/{name}.csv", {k: v[rows] for k, v in table.items()})
    whole = lf.fit("chinchilla", table, nan_policy="omit")
    for source in ("tables", "tables/*.csv"):
        assert lf.Fit.from_json(succeed("fit", source, *LAW, "--json")) == whole, source


def test_a_folder_of_parts_is_one_table(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = size_table()
    for name, rows in (("a", slice(20)), ("b", slice(20, None))):
        (folder / f"parts/run={name}").mkdir(parents=True)
        part = pytest.importorskip("pyarrow").table({k: v[rows] for k, v in table.items()})
        parquet.write_table(part, folder / f"parts/run={name}/0.parquet")
    found = lf.Fit.from_json(succeed("fit", "parts", *LAW, "--json"))
    assert found == lf.fit("chinchilla", table, nan_policy="omit")


def test_a_row_that_is_left_out_is_said(folder):
    write_csv(folder / "torn.csv", size_table())
    (folder / "torn.csv").write_text((folder / "torn.csv").read_text().rpartition(",")[0])
    for arguments in (("fit", "torn.csv", *LAW), ("predict", "sizes.json", "torn.csv")):
        done = run(*arguments)
        assert done.exit_code == 0
        assert done.stderr.startswith("lawfit: torn.csv: left out the last line, whose end is not")
        assert done.stderr.count("\n") == 1


def test_a_column_named_run_is_one_like_others(folder):
    table = size_table()
    runs = np.arange(36) % 2
    write_csv(folder / "runs.csv", {"run": runs, **table})
    grouped = succeed("fit", "runs.csv", *LAW, "--by", "run", "--shared", "alpha", "--json")
    want = lf.fit("chinchilla", {**table, "run": runs}, by="run", shared=["alpha"])
    assert lf.GroupedFit.from_json(grouped).objective == want.objective
    lines = (folder / "runs.csv").read_text().splitlines()
    lines[3] = "," + lines[3].partition(",")[2]
    (folder / "runs.csv").write_text("\n".join([*lines, ""]))
    assert lf.Fit.from_json(succeed("fit", "runs.csv", *LAW, "--json")).n == 36


def test_a_column_without_a_value(folder):
    table = size_table()
    write_csv(folder / "whole.csv", table)
    lines = (folder / "whole.csv").read_text().splitlines()
    rows = [",".join([n, "", loss]) for n, _, loss in (line.split(",") for line in lines[1:])]
    (folder / "empty.csv").write_text("\n".join([lines[0], *rows, ""]))
    done = run("fit", "empty.csv", *LAW)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "empty.csv: D has no value" in done.stderr
    done = run("fit", "empty.csv", "whole.csv", *LAW, "--json")
    assert done.exit_code == 0
    assert lf.Fit.from_json(done.stdout).n == 36
    assert done.stderr == "lawfit: empty.csv: D has no value\n"


def test_keep_going_passes_over_tables(folder):
    write_csv(folder / "a.csv", size_table())
    (folder / "b.csv").write_text("N,D,loss\n1e9,1e10,much\n")
    assert run("fit", "a.csv", "b.csv", *LAW).exit_code == 3
    done = run("fit", "a.csv", "b.csv", *LAW, "--keep-going", "--json")
    assert done.exit_code == 0
    assert lf.Fit.from_json(done.stdout).n == 36
    said = "lawfit: 1 of 2 logs were passed over:\nlawfit:   b.csv: line 2: loss is 'much'"
    assert done.stderr.startswith(said)
    done = run("fit", "b.csv", *LAW, "--keep-going")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "none of 1 logs could be read" in done.stderr


def test_weights_groups_and_another_name_of_the_target(folder):
    table = size_table()
    kinds = np.arange(36.0) % 2
    table = {"N": table["N"], "D": table["D"], "L": table["loss"], "w": 1 + kinds, "kind": kinds}
    write_csv(folder / "more.csv", table)
    table["loss"] = table["L"]
    options = ("more.csv", *LAW, "--json", "--y", "L")
    weighted = succeed("fit", *options, "--weights", "w")
    assert lf.Fit.from_json(weighted) == lf.fit(
        "chinchilla", table, weights=table["w"], nan_policy="omit"
    )
    grouped = succeed("fit", *options, "--by", "kind", "--shared", "alpha")
    want = lf.fit("chinchilla", table, by="kind", shared=["alpha"], nan_policy="omit")
    assert lf.GroupedFit.from_json(grouped) == want


def test_rows_with_a_value_that_is_missing(folder):
    table = size_table()
    write_csv(folder / "whole.csv", table)
    lines = (folder / "whole.csv").read_text().splitlines()
    lines[5] = "," + lines[5].partition(",")[2]
    (folder / "gap.csv").write_text("\n".join([*lines, ""]))
    found = lf.Fit.from_json(succeed("fit", "gap.csv", *LAW, "--json"))
    assert found.n == 35
    note = "data: dropped 1 of 36 rows with N or D or loss not finite"
    printed = succeed("fit", "gap.csv", *LAW, "--out", "gap.json")
    assert f"\nnote: {note}\n" in printed
    assert re.search(r"^data +35 ", printed, re.MULTILINE)
    printed = succeed("predict", "sizes.json", "gap.csv")
    assert printed.endswith(f"\nnote: {note}\n")
    [row] = json.loads(succeed("predict", "sizes.json", "gap.csv", "--json"))
    assert (row["points"], row["score"]["n"], row["notes"]) == (35, 35, [note])
    compared = run("compare", "gap.json", "sizes.json", "--held-out", "gap.csv", "--json")
    assert (compared.exit_code, compared.stderr) == (0, f"lawfit: held out: {note}\n")
    scores = [row["held_out"]["data"] for row in json.loads(compared.stdout)["rows"]]
    assert [score["n"] for score in scores] == [35, 35]
    done = run("fit", "gap.csv", *LAW, "--nan-policy", "raise")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "N at index 4" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--law", "power"), "'x'"),
        ((*LAW, "--weights", "v"), "'v'"),
        ((*LAW, "--by", "kind"), "'kind'"),
        ((*LAW, "--y", "L"), "'L'"),
    ],
)
def test_e40_a_missing_column_is_code_3(folder, options, said):
    write_csv(folder / "sizes.csv", size_table())
    done = run("fit", "sizes.csv", *options)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    "option", [("--schedule", "wsd"), ("--one-based",), ("--despike", "5"), ("--step", "N")]
)
def test_e40_options_of_curves_are_code_2_beside_a_table(folder, option):
    write_csv(folder / "sizes.csv", size_table())
    for command in (("fit", "sizes.csv", *LAW), ("predict", "sizes.json", "sizes.csv")):
        done = run(*command, *option)
        assert (done.exit_code, done.stdout) == (2, "")
        name = option[0].replace("--step", "--x")
        assert f"{name}: has no meaning beside a table" in message(done)


def test_sizes_over_curves(folder):
    options = ("--params", 25152, "--tokens-per-step", 1024, "--fix", "alpha=0.3", "--fix", "A=1")
    text = succeed("fit", "run.csv", *LAW, "--json", *options)
    curve = lf.read_curves("run.csv", params=25152, tokens_per_step=1024)
    assert lf.Fit.from_json(text) == lf.fit("chinchilla", curve, fixed={"alpha": 0.3, "A": 1.0})
