"""Logs that trainers write themselves, read as tables. Each test needs what writes its log."""

import importlib.util
import os

import numpy as np
import pytest

from lawfit.io.tables import read_tables

STEPS = [0, 10, 20, 30]
LOSS = [5.5, 4.5, 4.0, 3.75]


def holds(log, name, values):
    np.testing.assert_array_equal(log.columns[name], values)


@pytest.mark.filterwarnings("ignore")  # what Lightning warns of is its own
def test_lightning_metrics_have_training_and_validation_in_rows_of_their_own(tmp_path):
    loggers = pytest.importorskip("lightning.pytorch.loggers", reason="needs Lightning")
    logger = loggers.CSVLogger(tmp_path, name="run", flush_logs_every_n_steps=1)
    for step, loss in zip(STEPS, LOSS, strict=True):
        logger.log_metrics({"train_loss": loss, "lr-AdamW": 1e-3}, step=step)
        if step == 20:  # a column that comes later: the logger writes its file anew
            logger.log_metrics({"val_loss": 4.25}, step=step + 5)
    logger.save()
    (log,) = read_tables(tmp_path / "run" / "version_0" / "metrics.csv")
    at = [k for k, loss in enumerate(log.columns["train_loss"]) if not np.isnan(loss)]
    assert log.columns["step"][at].tolist() == STEPS
    assert log.columns["train_loss"][at].tolist() == LOSS
    (k,) = np.flatnonzero(~np.isnan(log.columns["val_loss"]))
    assert (log.columns["step"][k], log.columns["val_loss"][k]) == (25, 4.25)
    assert k not in at
    assert not log.nans


@pytest.mark.filterwarnings("ignore")  # what Keras warns of is its own
def test_keras_csv_logger(tmp_path, monkeypatch):
    backends = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)]
    if not backends:
        pytest.skip("needs a backend of Keras")
    if "KERAS_BACKEND" not in os.environ:  # which Keras looks at when it is imported
        monkeypatch.setenv("KERAS_BACKEND", backends[0])
    keras = pytest.importorskip("keras", reason="needs Keras")
    for name, options in (("log.csv", {}), ("log.tsv", {"separator": "\t"})):
        logger = keras.callbacks.CSVLogger(str(tmp_path / name), **options)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse")
        x = np.linspace(0, 1, 8).reshape(-1, 1)
        history = model.fit(x, 2 * x, epochs=3, verbose=0, validation_split=0.25, callbacks=logger)
        (log,) = read_tables(tmp_path / name)
        holds(log, "epoch", [0, 1, 2])
        for field in ("loss", "val_loss"):
            np.testing.assert_allclose(log.columns[field], history.history[field], rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["log.csv", "log.csv.gz", "log.csv.xz", "log.jsonl", "log.jsonl.gz"]
)
def test_pandas(tmp_path, name):
    frame = pytest.importorskip("pandas").DataFrame({"step": STEPS, "loss": LOSS})
    frame.loc[2, "loss"] = np.nan
    if "json" in name:
        frame.to_json(tmp_path / name, orient="records", lines=True)
    else:
        frame.to_csv(tmp_path / name, index="x" not in name)
    (log,) = read_tables(tmp_path / name)
    assert list(log.columns) == ["step", "loss"]
    holds(log, "step", STEPS)
    holds(log, "loss", [5.5, 4.5, np.nan, 3.75])
    assert log.notes == ()


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet", "ipc", "ipc_stream"])
def test_polars(tmp_path, kind):
    pl = pytest.importorskip("polars")
    if kind.startswith(("parquet", "ipc")):
        pytest.importorskip("pyarrow")
    loss = [5.5, None, float("nan"), 3.75]
    frame = pl.DataFrame({"step": STEPS, "loss": loss, "tag": ["a", "b", "c", "d"]})
    getattr(frame, f"write_{kind}")(tmp_path / "log")
    (log,) = read_tables(tmp_path / "log")
    assert list(log.columns) == ["step", "loss"]
    holds(log, "step", STEPS)
    holds(log, "loss", [5.5, np.nan, np.nan, 3.75])
    assert dict(log.nans) == ({} if kind == "ndjson" else {"loss": 1})


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_pyarrow(tmp_path, compression):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"step": STEPS, "loss": LOSS, "run": ["a", "b", "a", "b"]})
    parquet.write_table(table, tmp_path / "log", compression=compression, row_group_size=3)
    a, b = read_tables(tmp_path / "log")
    assert (a.name, b.name) == ("a", "b")
    holds(a, "step", [0, 20])
    holds(b, "loss", [4.5, 3.75])
