"""`read_curves`: logs of several runs, which columns are taken, and what curves say of it."""

import json

import numpy as np
import pytest

import lawfit as lf

HEADER = "step,lr,loss\n"


def write(folder, name, rows, header=HEADER):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(header + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def run(n=40, every=10, lr=1e-3):
    """Rows of a run whose loss tells its step."""
    return [(step, lr, 3 + 1 / (1 + step)) for step in range(every - 1, n * every, every)]


def test_a_file_a_pattern_a_folder_and_a_list_give_the_same(tmp_path):
    paths = [write(tmp_path / "runs", f"{name}.csv", run(n)) for name, n in (("a", 5), ("b", 6))]
    whole = lf.read_curves(tmp_path / "runs")
    assert whole.names == ("a", "b")
    assert whole == lf.read_curves(str(tmp_path / "runs" / "*.csv"))
    assert whole == lf.read_curves(paths)
    assert whole == lf.read_curves([str(path) for path in paths])
    assert lf.read_curves(paths[1]) == whole[["b"]]
    assert lf.read_curves([paths[1], tmp_path / "runs"]).names == ("b", "a")
    steps, rates, loss = np.array(run(5)).T
    assert whole["a"] == lf.Curve(steps, loss, np.full(50, rates[0]), name="a")


def test_settings_beside_a_log_say_its_sizes(tmp_path):
    path = write(tmp_path, "a.csv", run())
    settings = {"params": 25e6, "tokens_per_step": 1024, "steps": 1000, "warmup": 0}
    path.with_suffix(".json").write_text(json.dumps({**settings, "loss_unit": "nats per byte"}))
    (curve,) = lf.read_curves(tmp_path)
    assert (curve.params, curve.tokens_per_step, curve.loss_unit) == (25e6, 1024, "nats per byte")
    assert curve.schedule == lf.schedules.constant(steps=1000, peak=1e-3)
    assert "0.001 is held from step 399 on" in curve.lr_source
    (given,) = lf.read_curves(path, params=1e6)
    assert given.params == 1e6


def test_what_is_not_there_is_refused(tmp_path):
    for source in (tmp_path / "none.csv", str(tmp_path / "*.csv"), tmp_path):
        with pytest.raises(FileNotFoundError):
            lf.read_curves(source)
