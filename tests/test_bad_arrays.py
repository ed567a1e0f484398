"""Types and layouts of arrays: the same bits, or a refusal that names the place."""

import numpy as np
import pytest

import lawfit as lf
from fit_data import CLEAN, NOISY, X, bits, refuse
from layouts import backwards, fortran, misaligned, read_only, strided, swapped


def test_a15_a16_lengths():
    refuse({"x": X, "y": CLEAN["y"][:-1]}, "columns differ in length: x has 40, y has 39")
    refuse({"x": X[:1], "y": CLEAN["y"]}, "x has 1, y has 40")


def test_a17_a18_a19_a20_other_than_a_column_of_real_numbers():
    refuse({"x": X, "y": CLEAN["y"][:, None]}, r"data: y has shape \(40, 1\)")
    refuse({"x": X, "y": CLEAN["y"] + 0j}, "data: y at index 0 is .*complex", TypeError)
    refuse({"x": X, "y": CLEAN["y"].astype(str)}, "data: y at index 0", TypeError)
    refuse({"x": X, "y": X > 1e4}, "data: y at index 0 is False", TypeError)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "g"])
def test_a21_every_real_type_gives_the_same_bits(dtype):
    x = np.arange(1, 31)
    y = np.round(60 * x**-0.5 + 60)
    want = bits(lf.fit("power", {"x": x.astype(float), "y": y}))
    assert bits(lf.fit("power", {"x": x.astype(dtype), "y": y.astype(dtype)})) == want


WHOLE = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [*WHOLE, "f2", "f4", "f8", "g"])
def test_a21_every_real_type_makes_the_same_curve_and_schedule(dtype, order):
    kind = np.dtype(dtype).newbyteorder(order)
    steps, loss = np.arange(100), np.arange(100) % 7 + 1
    lr = np.where(loss > 4, 4, 2)
    curve = lf.Curve(steps.astype(kind), loss.astype(kind), lr.astype(kind))
    assert curve == lf.Curve(steps, loss.astype(float), lr.astype(float))
    assert curve.loss.dtype == curve.schedule.lr.dtype == np.float64
    assert curve.steps.dtype == np.int64
    areas = (s.areas(at=steps.astype(kind)) for s in (curve.schedule, lf.Schedule(lr)))
    assert np.array(next(areas)).tobytes() == np.array(next(areas)).tobytes()


LAYOUTS = {
    "a22": (strided, backwards, fortran, np.ndarray.tolist),
    "a23": (read_only,),
    "a24": (misaligned, swapped),
}


@pytest.mark.parametrize(
    "lay", [pytest.param(f, id=f"{row}_{f.__name__}") for row, fs in LAYOUTS.items() for f in fs]
)
def test_a22_a23_a24_layout_does_not_change_a_bit(lay):
    data = {name: lay(values) for name, values in NOISY.items()}
    before = {name: np.array(values).tobytes() for name, values in data.items()}
    weights = np.linspace(1, 2, X.size)
    start = [[1.0, 0.5, 1.0]]
    fit = lf.fit("power", data, weights=lay(weights), starts=[lay(np.array(start[0]))])
    plain = lf.fit("power", NOISY, weights=weights, starts=start)
    assert bits(fit) == bits(plain)
    assert {name: np.array(values).tobytes() for name, values in data.items()} == before


def test_a23_memory_mapped_read_only(tmp_path):
    paths = {name: tmp_path / f"{name}.npy" for name in NOISY}
    for name, path in paths.items():
        np.save(path, NOISY[name])
    mapped = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    assert bits(lf.fit("power", mapped)) == bits(lf.fit("power", NOISY))


def test_a25_missing_values():
    mask = np.arange(X.size) == 9
    refuse({"x": X, "y": np.ma.array(CLEAN["y"], mask=mask)}, "data: y at index 9 is nan")
    refuse({"x": X, "y": [*CLEAN["y"][:9], None, *CLEAN["y"][10:]]}, "data: y at index 9 is nan")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": X, "y": pandas.array(CLEAN["y"], dtype="Float64")})
    assert lf.fit("power", frame).success
    frame.loc[9, "y"] = pandas.NA
    with pytest.raises(ValueError, match="data: y at index 9 is nan"):
        lf.fit("power", frame)
