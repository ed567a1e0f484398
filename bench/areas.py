"""Time S1 and S2 of a schedule's every LR beside other ways, and beside the memory's own speed.

    python bench/areas.py [--repeats 15] [--large] [--fresh]

1e6 steps, and 1e8 (800 MB of LR, 5 GB in all) with --large. One thread, warm, all calls in turn, so
that what else the machine does meets all alike. Prints nanoseconds a step, the median and the
least, and how far S1 and S2 are from sums in long double: relative to S1 and to Σ|m|.

Every call returns new arrays. Where the C library allows it is told to keep freed memory, because
fresh pages, which the kernel has to clear, cost every way more than its arithmetic; --fresh leaves
them in. numba and scipy are left out where they are not installed.
"""

import argparse
import ctypes
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
STRIDE = 100  # between logged steps
CHUNK = 1_000_000
COPY, READ = "memory: the LR copied twice", "memory: the LR read"


def keep_memory():
    """Let malloc give nothing back (glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD)."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None or not (set_option(-1, 2**31 - 1) and set_option(-3, 2**30)):
        print("fresh pages are timed too: there is no mallopt here")


def cosine(steps):
    """LR of every step: a warm-up, then half a cosine."""
    ramp = steps // 50
    rise = np.linspace(0.0, 3e-4, ramp)
    fall = 3e-5 + 1.35e-4 * (1.0 + np.cos(np.linspace(0.0, np.pi, steps - ramp)))
    return np.concatenate([rise, fall])


def every_step(lr, lam):
    """S1 and S2 after every step, as a loop for a compiler."""
    s1 = np.empty(lr.size)
    s2 = np.empty(lr.size)
    forward, momentum, annealing = lr[0], 0.0, 0.0
    s1[0], s2[0] = forward, annealing
    for i in range(1, lr.size):
        forward += lr[i]
        momentum = lam * momentum + (lr[i - 1] - lr[i])
        annealing += momentum
        s1[i] = forward
        s2[i] = annealing
    return s1, s2


def every_stride(lr, lam, stride):
    """S1 and S2 after every `stride` steps, as a loop for a compiler."""
    n = lr.size // stride
    s1 = np.empty(n)
    s2 = np.empty(n)
    before, forward, momentum, annealing = lr[0], 0.0, 0.0, 0.0
    for k in range(n):
        for i in range(k * stride, (k + 1) * stride):
            forward += lr[i]
            momentum = lam * momentum + (before - lr[i])
            annealing += momentum
            before = lr[i]
        s1[k] = forward
        s2[k] = annealing
    return s1, s2


def filtered(lr, lam):
    drop = -np.diff(lr, prepend=lr[0])
    return np.cumsum(lr), np.cumsum(lfilter([1.0], [1.0, -lam], drop))


def ways(lr):
    """Return named calls, and whether each gives areas to be checked."""
    schedule = lf.Schedule(lr)
    at = np.arange(STRIDE - 1, lr.size, STRIDE)
    calls = {
        "lawfit, every step": (partial(schedule.areas, LAM), True),
        f"lawfit, every {STRIDE}th": (partial(schedule.areas, LAM, at=at), True),
        "lawfit, Schedule(lr)": (partial(lf.Schedule, lr), False),
        "numpy cumsum, S1 alone": (partial(np.cumsum, lr), False),
        COPY: (lambda: (lr.copy(), lr.copy()), False),
        READ: (lr.max, False),
    }
    if numba is not None:
        loop, strided = numba.njit(every_step), numba.njit(every_stride)
        calls["numba, every step"] = (partial(loop, lr, LAM), True)
        calls[f"numba, every {STRIDE}th"] = (partial(strided, lr, LAM, STRIDE), True)
    if lfilter is not None and lr.size <= CHUNK:
        calls["scipy lfilter, numpy cumsum"] = (partial(filtered, lr, LAM), True)
    return calls


def deviation(lr, areas, stride):
    """Return how far S1 and S2 are off at most; the sums in long double go chunk by chunk."""
    wide = np.longdouble
    forward, momentum, annealing, size = (np.zeros(1, wide) for _ in range(4))
    worst = [0.0, 0.0]
    for first in range(0, lr.size, CHUNK):
        part = lr[first : first + CHUNK].astype(wide)
        drop = -np.diff(part, prepend=wide(lr[max(first - 1, 0)]))
        memory = wide(LAM) * momentum[-1:]
        momentum, _ = lfilter([wide(1)], [wide(1), -wide(LAM)], drop, zi=memory)
        forward = forward[-1] + np.cumsum(part)
        annealing = annealing[-1] + np.cumsum(momentum)
        size = size[-1] + np.cumsum(np.abs(momentum))
        here = np.arange(-(first + 1) % stride, part.size, stride)
        for k, (want, scale) in enumerate([(forward, forward), (annealing, size)]):
            off = np.abs(areas[k][(first + here) // stride] - want[here])
            worst[k] = max(worst[k], float(np.max(off / np.maximum(scale[here], 1e-300))))
    return worst


def compare(steps, repeats):
    lr = cosine(steps)
    calls = ways(lr)
    times = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, (call, _) in calls.items():
            begin = time.perf_counter()
            call()
            if turn > 0:  # the first warms up
                times[name].append(1e9 * (time.perf_counter() - begin) / steps)
    print(f"{steps:.0e} steps, {repeats} times, ns a step: median, least; S1 and S2 off by")
    for name, (call, gives_areas) in calls.items():
        line = f"  {name:28}{statistics.median(times[name]):8.3f}{min(times[name]):8.3f}"
        if gives_areas and lfilter is not None:
            areas = call()
            off = deviation(lr, areas, steps // len(areas[0]))
            line += f"   {off[0]:.1e} {off[1]:.1e}"
        print(line)
    read, copy = 8.0 / min(times[READ]), 32.0 / min(times[COPY])
    print(f"  at best {read:.0f} GB/s read, {copy:.0f} GB/s copied (both ways counted)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--large", action="store_true", help="1e8 steps too")
    parser.add_argument("--fresh", action="store_true", help="with the cost of fresh pages")
    arguments = parser.parse_args()
    print(lf.build_info())
    for name, module in (("numba", numba), ("scipy", lfilter)):
        if module is None:
            print(f"{name} is not installed: left out")
    if not arguments.fresh:
        keep_memory()
    compare(1_000_000, arguments.repeats)
    if arguments.large:
        compare(100_000_000, max(3, arguments.repeats // 5))


if __name__ == "__main__":
    main()
