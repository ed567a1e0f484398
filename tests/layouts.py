"""Arrays laid out in memory as others hand them over."""

import numpy as np


def strided(values):
    return np.repeat(values, 3)[::3]


def backwards(values):
    return values[::-1].copy()[::-1]


def fortran(values):
    return np.asfortranarray(np.stack([values, values]).T)[:, 1]


def read_only(values):
    values = values.copy()
    values.setflags(write=False)
    return values


def misaligned(values):
    return np.frombuffer(b"x" + values.tobytes(), dtype=values.dtype, offset=1)


def swapped(values):
    return values.astype(values.dtype.newbyteorder(">"))
