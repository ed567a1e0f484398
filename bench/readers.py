"""Time whole-file reading beside the libraries whose formats are read.

    python bench/readers.py [--scalars 1000000] [--files 10000] [--gigabytes 1] [--folder FOLDER]

TensorBoard: one event file, written by tensorboard's own writer, read by lawfit and by its
EventAccumulator with unlimited size guidance; both must give the same values. Trainer state: one
``trainer_state.json`` of as many entries as fit its limit. Many files: `read_curves` of a folder of
small CSV files, with the highest memory of the process. Dataset: Parquet files of 2.2 million rows
and 15 columns in folders ``run=…``, read run by run in a process of its own, with its highest
memory; ``--gigabytes 10`` is that of a large sweep. What is not installed is left out.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import lawfit as lf
from lawfit.io.event_scalars import read_events

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter
except ImportError:
    EventAccumulator = None

try:
    import pyarrow as arrow
    from pyarrow import parquet
except ImportError:
    parquet = None

TAGS = ("train/loss", "learning_rate", "grad_norm", "eval/loss")


def timed(work, repeats=3):
    """Return the result and the shortest wall time in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return result, min(times)


def write_events(path, scalars):
    """Write so many scalars, one an event, as a training loop does."""
    with path.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=1.5e9, file_version="brain.Event:2").SerializeToString())
        for k in range(scalars):
            step, tag = divmod(k, len(TAGS))
            value = Summary.Value(tag=TAGS[tag], simple_value=3 + 1 / (1 + step))
            event = Event(wall_time=1.5e9 + step, step=step, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())


def events(folder, scalars):
    if not EventAccumulator:
        print("TensorBoard: tensorboard is not installed")
        return
    folder.mkdir()
    path = folder / "events.out.tfevents.1"
    write_events(path, scalars)

    def accumulate():
        found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        found.Reload()
        return found

    log, ours = timed(lambda: read_events([path], name="run", source=str(path)))
    theirs, slow = timed(accumulate, 1)
    for tag in theirs.Tags()["scalars"]:
        steps, values = np.array([(e.step, e.value) for e in theirs.Scalars(tag)]).T
        if not np.array_equal(log.columns[tag], values):
            raise SystemExit(f"{tag}: the values differ")
        if not np.array_equal(log.columns["step"], steps):
            raise SystemExit(f"{tag}: the steps differ")
    size = path.stat().st_size / 2**20
    print(
        f"TensorBoard, {scalars} scalars, {size:.0f} MiB: lawfit {ours:.2f} s, "
        f"EventAccumulator {slow:.2f} s, {slow / ours:.1f} times"
    )


def trainer_state(folder, entries=200_000):
    folder.mkdir()
    path = folder / "trainer_state.json"
    history = [
        {"epoch": k / entries, "learning_rate": 1e-3, "loss": 3 + 1 / k, "step": 10 * k}
        for k in range(1, entries + 1)
    ]
    path.write_text(json.dumps({"log_history": history, "max_steps": 10 * entries}))
    curves, ours = timed(lambda: lf.read_curves(path))
    size = path.stat().st_size / 2**20
    print(f"Trainer state, {len(curves[0])} entries, {size:.0f} MiB: lawfit {ours:.2f} s")


def many_files(folder, files):
    folder.mkdir()
    for k in range(files):
        rows = (f"{step},1e-3,{3 + (1 + k) / (1 + step)}\n" for step in range(0, 2000, 20))
        (folder / f"run{k}.csv").write_text("step,lr,loss\n" + "".join(rows))
    count, ours = timed(lambda: sum(1 for _ in lf.iter_curves(folder)), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} CSV files of 100 rows: {ours:.1f} s one by one, at most {peak:.0f} MiB in use")
    curves, ours = timed(lambda: lf.read_curves(folder), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(curves)} curves of these: {ours:.1f} s, at most {peak:.0f} MiB in use")


READ = """
import resource, sys, time
import lawfit as lf
begin, runs, points = time.perf_counter(), 0, 0
for curve in lf.iter_curves(sys.argv[1]):
    runs, points = runs + 1, points + len(curve)
wall, peak = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{runs} runs, {points} points: {wall:.1f} s one by one, at most {peak:.0f} MiB in use")
"""


def dataset(folder, gigabytes, rows=2_200_000, others=12):
    if not parquet:
        print("Dataset: pyarrow is not installed")
        return
    rng = np.random.default_rng(0)
    for run in range(max(1, round(gigabytes * 1e9 / (8 * (3 + others) * rows)))):
        part = folder / f"run={run:03}"
        part.mkdir(parents=True)
        steps = np.arange(rows)
        columns = {"step": steps, "lr": 3e-4 * np.minimum(1, (steps + 1) / 1000)}
        columns["loss"] = 2 + 3 * (1 + steps) ** -0.3 * np.exp(rng.normal(0, 1e-3, rows))
        columns |= {f"metric{k}": rng.random(rows) for k in range(others)}
        plain = {"compression": "NONE", "use_dictionary": False}
        parquet.write_table(arrow.table(columns), part / "0.parquet", **plain)
    size = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    print(f"Parquet, {size / 1e9:.2f} GB, ", end="", flush=True)
    subprocess.run([sys.executable, "-c", READ, folder], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scalars", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--folder", type=Path, help="where files are written; by default, away")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        many_files(Path(folder, "many"), arguments.files)
        trainer_state(Path(folder, "trainer"))
        dataset(Path(folder, "dataset"), arguments.gigabytes)
        events(Path(folder, "events"), arguments.scalars)


if __name__ == "__main__":
    main()
