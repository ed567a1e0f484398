"""Folders of Parquet files: which are one table, and how its runs are told apart and ordered."""

import numpy as np
import pytest

import lawfit as lf

STEPS = list(range(0, 400, 10))


def one(source, **options):
    (curve,) = lf.read_curves(source, **options)
    return curve


def test_a_folder_of_parts_is_one_table(tmp_path):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    for run, part in (("a", STEPS[:20]), ("a", STEPS[20:]), ("b", STEPS)):
        folder = tmp_path / f"run={run}"
        folder.mkdir(exist_ok=True)
        frame = polars.DataFrame({"step": part, "loss": [3.0] * len(part)})
        frame.write_parquet(folder / f"{part[0]}.parquet")
    curves = lf.read_curves(tmp_path)
    assert curves.names == ("a", "b")
    assert curves["a"].steps.tolist() == STEPS
    assert lf.read_curves(tmp_path / "run=a").names == ("0", "200")


def test_each_run_of_a_dataset_is_read_by_itself(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = ("a/b", "c d", "ä")
    for part in range(2):
        steps = STEPS[20 * part : 20 * part + 20]
        rows = {
            "run": [name for name in names for _ in steps],
            "step": steps * 3,
            "loss": [3.0] * 60,
        }
        parquet.write_to_dataset(arrow.table(rows), tmp_path / "runs", partition_cols=["run"])
    seen = []
    curves = lf.iter_curves(tmp_path / "runs", progress=lambda done, total: seen.append(total))
    assert {curve.name: curve.steps.tolist() for curve in curves} == dict.fromkeys(names, STEPS)
    assert seen[-1] == 3
    for file in (tmp_path / "runs" / "run=c%20d").iterdir():
        file.rename(file.with_suffix(".PARQUET"))
        file.with_suffix(".PARQUET").write_bytes(b"PAR1 and no more")
    with pytest.warns(UserWarning, match="1 of 3 logs were passed over"):
        found = lf.read_curves(tmp_path / "runs", keep_going=True)
    assert set(found.names) == {"a/b", "ä"}


@pytest.mark.parametrize(
    ("parts", "steps", "note"),
    [
        ([(20, 40), (0, 20)], range(40), "put 2 parts of files in the order of their steps"),
        ([(30, 40), (0, 20), (10, 30)], [*range(40)], "restarted at step 10: dropped 10 points"),
        ([(0, 20), (20, 40)], range(40), ""),
    ],
)
def test_files_of_a_dataset_come_in_the_order_of_their_steps(tmp_path, parts, steps, note):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    (tmp_path / "runs" / "run=a").mkdir(parents=True)
    for k, (begin, end) in enumerate(parts):
        rows = np.arange(begin, end)
        frame = polars.DataFrame({"step": rows, "loss": 9.0 - k + rows, "lr": 1.0 / (1 + rows)})
        frame.write_parquet(tmp_path / "runs" / "run=a" / f"{k}.parquet")
    curve = one(tmp_path / "runs", despike=1e9)
    assert curve.steps.tolist() == [*steps]
    assert curve.schedule.at(curve.steps) == pytest.approx(1 / (1 + curve.steps), rel=1e-12)
    assert any(text.startswith(note) for text in curve.notes)


def test_a_refusal_names_the_run_of_a_dataset(tmp_path):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    for run, losses in (("a", [3.0, 2.0]), ("b", [None, None])):
        (tmp_path / "runs" / f"run={run}").mkdir(parents=True)
        frame = polars.DataFrame({"step": [0, 1], "loss": losses})
        frame.write_parquet(tmp_path / "runs" / f"run={run}" / "0.parquet")
    with pytest.raises(ValueError, match=r"runs: run 'b': no "):
        lf.read_curves(tmp_path / "runs")


def test_rows_of_a_dataset_without_a_run_are_told(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {"run": [None, "a", "a"], "step": [0, 0, 1], "loss": [3.0, 3.0, 2.0]}
    parquet.write_to_dataset(arrow.table(rows), tmp_path / "runs", partition_cols=["run"])
    curve = one(tmp_path / "runs")
    assert (curve.name, curve.steps.tolist()) == ("a", [0, 1])
    assert "passed over 1 row without run" in curve.notes


def test_runs_of_two_datasets_are_told_apart(tmp_path):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    for dataset in ("x", "y"):
        for run in ("a", "b"):
            folder = tmp_path / dataset / f"run={run}"
            folder.mkdir(parents=True)
            polars.DataFrame({"step": [0, 1], "loss": [3.0, 2]}).write_parquet(folder / "0.parquet")
    found = lf.read_curves([tmp_path / "x", tmp_path / "y"])
    assert found.names == ("x/a", "x/b", "y/a", "y/b")
    assert lf.read_curves([tmp_path / "x", tmp_path / "y" / "run=a"]).names == ("a", "b", "0")


def test_parts_are_found_as_files_of_a_folder_are(tmp_path):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")

    def part(place, steps=STEPS):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        polars.DataFrame({"step": steps, "loss": [3.0] * len(steps)}).write_parquet(
            tmp_path / place
        )

    part("one/run=a/0.PARQUET")
    part("one/run=x%20%2F%20y/0.parquet")
    part("one/run=__HIVE_DEFAULT_PARTITION__/0.parquet")
    part("one/run=a/.0.parquet")
    part("one/run=b/.ipynb_checkpoints/0.parquet")
    curves = lf.read_curves(tmp_path / "one")
    assert curves.names == ("a", "x / y")
    assert f"passed over {len(STEPS)} rows without run" in curves["a"].notes
    # folders that say something else than the run hold runs of their own
    part("other/lr=0.1/0.parquet")
    part("other/lr=0.2/0.parquet", STEPS[:20])
    assert lf.read_curves(tmp_path / "other").names == ("lr=0.1/0", "lr=0.2/0")
    part("third/run/0.parquet")
    part("third/run/1.parquet")
    assert lf.read_curves(tmp_path / "third").names == ("0", "1")
    by = lf.read_curves(tmp_path / "other", by="lr")
    assert by.names == ("0.1", "0.2")
    assert by["0.1"].steps.tolist() == STEPS
