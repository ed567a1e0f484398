"""Time S1 and S2 of a schedule's every LR beside other ways, and beside the memory's own speed.

    python -m bench.areas [--repeats 15] [--large]

1e6 steps, and 1e8 (800 MB of LR, 4 GB in all) with --large; one thread, warm, in turn, so that what
else the machine does meets all alike. Prints nanoseconds a step, the median and the least, and how
far S1 and S2 are from sums in long double: relative to S1 and to Σ|m|.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np

import lawfit as lf

try:
    import numba
except ImportError:
    numba = None
try:
    from scipy.signal import lfilter
except ImportError:
    lfilter = None

LAM = 0.999
STRIDE = 100  # of the steps a run logs
CHUNK = 1_000_000


def cosine(steps):
    """LR of every step: a warm-up, then half a cosine."""
    ramp = steps // 50
    lr = np.empty(steps)
    lr[:ramp] = np.linspace(0.0, 3e-4, ramp)
    x = np.linspace(0.0, np.pi, steps - ramp)
    lr[ramp:] = 3e-5 + 1.35e-4 * (1.0 + np.cos(x))
    return lr


def one_pass(lr, lam, stride):
    """S1 and S2 after every `stride` steps, as a loop a compiler can take."""
    s1 = np.empty(lr.size // stride)
    s2 = np.empty(lr.size // stride)
    forward = lr[0]
    momentum = annealing = 0.0
    left, k = stride - 1, 0
    if left == 0:
        s1[0], s2[0] = forward, 0.0
        left, k = stride, 1
    for i in range(1, lr.size):
        forward += lr[i]
        momentum = lam * momentum + (lr[i - 1] - lr[i])
        annealing += momentum
        left -= 1
        if left == 0:
            s1[k], s2[k] = forward, annealing
            left, k = stride, k + 1
    return s1, s2


def every_step(lr, lam):
    """S1 and S2 after every step, as a loop a compiler can take."""
    s1 = np.empty(lr.size)
    s2 = np.empty(lr.size)
    s1[0], s2[0] = lr[0], 0.0
    momentum = 0.0
    for i in range(1, lr.size):
        momentum = lam * momentum + (lr[i - 1] - lr[i])
        s1[i] = s1[i - 1] + lr[i]
        s2[i] = s2[i - 1] + momentum
    return s1, s2


def filtered(lr, lam):
    drop = -np.diff(lr, prepend=lr[0])
    return np.cumsum(lr), np.cumsum(lfilter([1.0], [1.0, -lam], drop))


def copied(lr):
    """Write as much as the areas of every step are."""
    return lr.copy(), lr.copy()


def ways(lr):
    """Return named calls, and whether each gives areas to be checked."""
    at = np.arange(STRIDE - 1, lr.size, STRIDE)
    schedule = lf.Schedule(lr)
    calls = {
        "lawfit, every step": (partial(schedule.areas, LAM), True),
        f"lawfit, every {STRIDE}th step": (partial(schedule.areas, LAM, at=at), True),
        "lawfit, Schedule(lr)": (partial(lf.Schedule, lr), False),
    }
    if numba is None:
        print("numba is not here: its loops are left out")
    else:
        calls["numba, every step"] = (partial(numba.njit(every_step), lr, LAM), True)
        strided = numba.njit(one_pass)
        calls[f"numba, every {STRIDE}th step"] = (partial(strided, lr, LAM, STRIDE), True)
    if lfilter is None:
        print("scipy is not here: lfilter is left out")
    elif lr.size <= CHUNK:
        calls["scipy lfilter and cumsum"] = (partial(filtered, lr, LAM), True)
    calls["numpy cumsum, S1 alone"] = (partial(np.cumsum, lr), False)
    calls["memory: numpy copies the LR twice"] = (partial(copied, lr), False)
    calls["memory: numpy max of the LR"] = (lr.max, False)
    return calls


def deviation(lr, areas, stride):
    """Return how far S1 and S2 are off, by chunks of sums in long double."""
    wide = np.longdouble
    lam, first = wide(LAM), 0
    s1, m, s2, size = wide(0), wide(0), wide(0), wide(0)
    worst = [0.0, 0.0]
    previous = lr[0]
    while first < lr.size:
        part = lr[first : first + CHUNK].astype(wide)
        drop = np.concatenate(([wide(previous)], part[:-1])) - part
        momentum, state = lfilter([wide(1)], [wide(1), -lam], drop, zi=np.array([lam * m]))
        forward = s1 + np.cumsum(part)
        annealing = s2 + np.cumsum(momentum)
        sizes = size + np.cumsum(np.abs(momentum))
        here = np.arange(-(first + 1) % stride, part.size, stride)
        there = (first + here) // stride
        for k, want, scale in ((0, forward, forward), (1, annealing, sizes)):
            off = np.abs(areas[k][there] - want[here]) / np.maximum(scale[here], wide(1e-300))
            worst[k] = max(worst[k], float(off.max()))
        s1, s2, size, m = forward[-1], annealing[-1], sizes[-1], momentum[-1]
        previous = lr[first + part.size - 1]
        first += part.size
    return worst


def compare(steps, repeats):
    lr = cosine(steps)
    calls = ways(lr)
    times = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, (call, _) in calls.items():
            begin = time.perf_counter()
            call()
            if turn:  # the first warms up
                times[name].append(1e9 * (time.perf_counter() - begin) / steps)
    print(f"{steps:.0e} steps, {repeats} times, ns a step: median, least; S1 and S2 off by")
    for name, (call, is_areas) in calls.items():
        line = f"  {name:34} {statistics.median(times[name]):7.3f} {min(times[name]):7.3f}"
        if is_areas and lfilter is not None:
            areas = call()
            off = deviation(lr, areas, steps // len(areas[0]))
            line += f"   {off[0]:.1e} {off[1]:.1e}"
        print(line)
    read, moved = 8.0 / min(times["memory: numpy max of the LR"]), 32.0 / min(
        times["memory: numpy copies the LR twice"]
    )
    print(f"  at the least: read {read:.1f} GB/s, copy {moved:.1f} GB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--large", action="store_true", help="1e8 steps too")
    arguments = parser.parse_args()
    print(lf.build_info())
    compare(1_000_000, arguments.repeats)
    if arguments.large:
        compare(100_000_000, max(3, arguments.repeats // 5))


if __name__ == "__main__":
    main()
