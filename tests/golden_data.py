"""The published curves and points that golden numbers are checked on."""

import csv

import lawfit as lf
from shared_data import shared

MULTIPOWER_TRAIN = ("cosine_24000", "constant_24000", "wsdcon_9")
MULTIPOWER_TEST = (
    "constant_72000",
    "cosine_72000",
    "wsd_20000_24000",
    "wsdld_20000_24000",
    "wsdcon_3",
    "wsdcon_18",
)


def columns(*parts):
    """Read a CSV of the shared data as columns of floats."""
    with shared(*parts).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0] if "color" not in name}


def annealing_curves():
    """G1: a constant and a cosine run of 20001 steps, the warm-up's 500 at peak."""
    schedules = {
        "constant": lf.schedules.constant(steps=20001, peak=2e-4),
        "cosine": lf.Schedule.from_pieces(
            [
                lf.schedule.Piece("constant", 500, 2e-4),
                lf.schedule.Piece("cosine", 19501, 2e-4, 0.0, 0, 19500),
            ],
            warmup=0,
        ),
    }
    return [curve(("annealing",), name, schedule) for name, schedule in schedules.items()]


def multipower_schedule(name):
    """The LR of every step, as data/README.md gives it."""
    end, ramp = 3e-5, {"peak": 3e-4, "warmup": 2160, "ramp": "closed"}
    kind, *numbers = name.split("_")
    steps = int(numbers[-1])
    if kind == "constant":
        return lf.schedules.constant(steps=steps, **ramp)
    if kind == "cosine":
        return lf.schedules.cosine(steps=steps, end=end, **ramp)
    if kind == "wsdcon":
        second = int(numbers[0]) * 1e-5
        return lf.schedules.two_stage(steps=16000, switch=8000, second=second, **ramp)
    shape = "exponential" if kind == "wsd" else "linear"
    return lf.schedules.wsd(steps=steps, decay_start=20000, end=end, shape=shape, **ramp)


def curve(folder, name, schedule):
    """A logged curve with its schedule."""
    log = columns(*folder, f"{name}.csv")
    return lf.Curve(log["step"], log["loss"], schedule, name=name)


def multipower_curves(size, names):
    """G2: curves of one model size."""
    return [curve(("multipower", str(size)), n, multipower_schedule(n)) for n in names]


def chinchilla_points(drop=5):
    """G4: N, D = C/6N and loss, without the highest losses."""
    table = columns("chinchilla", "points.csv")
    rows = sorted(
        zip(table["Model Size"], table["Training FLOP"], table["loss"], strict=True),
        key=lambda row: row[2],
    )
    kept = rows[: len(rows) - drop]
    return {
        "N": [n for n, _, _ in kept],
        "D": [c / (6 * n) for n, c, _ in kept],
        "loss": [loss for _, _, loss in kept],
    }
