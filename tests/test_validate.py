"""What may be handed in as numbers, and what is refused; named by the catalogue of bad input."""

import contextlib
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lawfit._validate import (
    choose,
    closest,
    float_array,
    integer,
    real,
    same_length,
    step_array,
)

LOSS = np.array([3.5, 3.25, 3.0, 2.875])


def loss(values, **options):
    return float_array(values, source="curve 'a'", field="loss", **options)


def steps(values):
    return step_array(values, source="curve 'a'")


def fortran_column():
    return np.asfortranarray(np.stack([LOSS, -LOSS], axis=1))[:, 0]


def misaligned(dtype="<f8"):
    raw = b"x" + LOSS.astype(dtype).tobytes()
    return np.frombuffer(raw, dtype=dtype, offset=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a03_a04_value_that_is_not_finite_is_named(bad):
    values = np.linspace(3, 2, 10)
    values[7] = bad
    message = rf"curve 'a': loss at index 7 is {bad}; expected a finite number"
    with pytest.raises(ValueError, match=message):
        loss(values)
    assert np.array_equal(loss(values, finite=False), values, equal_nan=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_a06_step_that_is_not_finite_is_named(bad):
    with pytest.raises(ValueError, match=r"step at index 1 is (nan|inf)"):
        steps([0, bad, 2])


def test_a15_a16_lengths_must_agree_and_nothing_is_broadcast():
    with pytest.raises(ValueError, match=r"curve 'a'.*step has 3, loss has 2"):
        same_length("curve 'a'", step=[0, 1, 2], loss=[1.0, 2.0])
    with pytest.raises(ValueError, match="loss has 1"):
        same_length("curve 'a'", step=[0, 1, 2], loss=[1.0])
    same_length("curve 'a'", step=[0, 1], loss=[1.0, 2.0], source=[1, 2])


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (LOSS[:, None], r"\(4, 1\)"),
        (LOSS[None], r"\(1, 4\)"),
        (np.float64(3), r"\(\)"),
        ([[1.0], [2.0]], r"\(2, 1\)"),
        (np.ma.array(LOSS[:, None]), r"\(4, 1\)"),
        (np.array([[1, "a"]], dtype=object), r"\(1, 2\)"),
    ],
)
def test_a17_only_one_dimension(values, shape):
    with pytest.raises(ValueError, match=rf"curve 'a': loss has shape {shape}"):
        loss(values)


@pytest.mark.parametrize("values", [LOSS + 0j, LOSS.astype(np.complex64), [1.0, 2 + 0j]])
def test_a18_complex(values):
    with pytest.raises(TypeError, match=r"curve 'a': loss at index [01] is .*j"):
        loss(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["3.5", "3.25"], "index 0 is '3.5'"),
        ([3.5, "3.25"], "index 1 is '3.25'"),
        (np.array(["3.5"]), "index 0 is 3.5 has dtype <U3"),
        (np.array([b"3.5"]), "dtype |S3"),
        (np.array([1.0, Decimal("3.5")], dtype=object), "index 1 is Decimal"),
        (np.array([1.0, [2.0]], dtype=object), "index 1 is .* not list"),
        (np.array(["2026-01-01"], dtype="M8[D]"), "index 0 is 2026-01-01"),
        (np.array([1], dtype="m8[s]"), "dtype timedelta64"),
        (np.array([(1.0, 2.0)], dtype="f8,f8"), "index 0"),
        ([np.timedelta64(1, "s")], "index 0"),
        ("3.5", "loss is a str"),
        ({"loss": 1.0}, "loss is a dict"),
        ((x for x in [1.0]), "loss is a generator"),
        (None, "loss is a NoneType"),
        ([[1.0], [2.0, 3.0]], "index 0 is .* not list"),
    ],
)
def test_a19_strings_and_objects(values, message):
    with pytest.raises(TypeError, match=f"curve 'a': loss.*{message}|curve 'a': {message}"):
        loss(values)


def test_a19_objects_that_are_exact_numbers():
    mixed = np.array([1, 2.5, np.float32(0.5), np.int64(3)], dtype=object)
    assert loss(mixed).tolist() == [1, 2.5, 0.5, 3]
    assert loss([1, 2.5]).tolist() == [1, 2.5]
    assert loss(range(3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("values", [LOSS > 3, [True, False], [1.5, True], [np.True_, 1.5]])
def test_a20_bool(values):
    with pytest.raises(TypeError, match=r"curve 'a': loss at index [01] is (np\.)?True"):
        loss(values)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_a21_dtypes_convert_exactly(kind, order):
    dtype = np.dtype(order + kind)
    info = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    values = np.array([0, 1, 100, info.max if dtype.itemsize < 8 else 2**53], dtype=dtype)
    got = loss(values)
    assert got.dtype == np.float64
    assert got.dtype.isnative
    assert [float(v) for v in values] == got.tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_a21_integers_that_would_round(dtype):
    even = np.array([2**53 + 2, 2**60, 2**62], dtype=dtype)
    assert [int(v) for v in loss(even)] == even.tolist()
    for bad in (2**53 + 1, np.iinfo(dtype).max):
        values = np.array([0, bad], dtype=dtype)
        with pytest.raises(ValueError, match=f"loss at index 1 is {bad}, which no float64 equals"):
            loss(values)
        with pytest.raises(ValueError, match=f"index 1 is {bad}"):
            loss(np.array(list(values), dtype=object))


def test_a21_long_double_rounds_but_never_overflows():
    third = np.longdouble(1) / 3
    assert loss(np.array([third])).tolist() == [float(third)]
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        huge = np.array([1, np.longdouble(2) ** 2000])
        for values in (huge, list(huge)):
            with pytest.raises(ValueError, match=r"index 1 is .*which no float64 equals"):
                loss(values)


@pytest.mark.parametrize(
    "values",
    [
        np.repeat(LOSS, 2)[::2],
        LOSS[::-1].copy()[::-1],
        fortran_column(),
        np.lib.stride_tricks.as_strided(LOSS, shape=(4,), strides=(8,)),
    ],
    ids=["strided", "reversed", "fortran", "view"],
)
def test_a22_layout_does_not_matter(values):
    got = loss(values)
    assert got.flags.c_contiguous
    assert got.tobytes() == LOSS.tobytes()
    assert not np.shares_memory(got, values)


def test_a23_read_only_and_memory_mapped(tmp_path):
    frozen = LOSS.copy()
    frozen.setflags(write=False)
    file = tmp_path / "loss.bin"
    LOSS.tofile(file)
    mapped = np.memmap(file, dtype=np.float64, mode="r")
    for values in (frozen, mapped):
        got = loss(values)
        assert type(got) is np.ndarray
        assert got.flags.writeable
        assert got.tobytes() == LOSS.tobytes()
    assert file.read_bytes() == LOSS.tobytes()


@pytest.mark.parametrize("dtype", ["<f8", ">f8"])
def test_a24_misaligned_and_byteswapped(dtype):
    values = misaligned(dtype)
    assert not values.flags.aligned
    assert loss(values).tobytes() == LOSS.tobytes()


@pytest.mark.parametrize(
    "values",
    [
        np.ma.array(LOSS, mask=[0, 1, 0, 0]),
        np.ma.array([1, 2, 3, 4], mask=[0, 1, 0, 0]),
        [1.0, np.ma.masked, 3.0],
        [1.0, None, 3],
        np.array([1, None], dtype=object),
    ],
)
def test_a25_masked_and_none_are_missing(values):
    with pytest.raises(ValueError, match="curve 'a': loss at index 1 is nan"):
        loss(values)
    assert np.isnan(loss(values, finite=False)).tolist()[:3] == [False, True, False][: len(values)]


def test_a25_unmasked_array_is_as_its_data():
    assert loss(np.ma.array(LOSS)).tobytes() == LOSS.tobytes()


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "Int8", "float64", "int64[pyarrow]"])
def test_a25_pandas_na(dtype):
    pd = pytest.importorskip("pandas")
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    assert loss(pd.Series([1, 2], dtype=dtype)).tolist() == [1, 2]
    with pytest.raises(ValueError, match="curve 'a': loss at index 1 is nan"):
        loss(pd.Series([1, None, 3], dtype=dtype))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [(["a"], None), ([True, None], "boolean"), (["2026-01-01"], "datetime64[s]")],
)
def test_a25_pandas_types_that_are_not_numbers(values, dtype):
    pd = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match="curve 'a': loss at index 0"):
        loss(pd.Series(values, dtype=dtype))


def test_a25_pyarrow_null():
    pa = pytest.importorskip("pyarrow")
    assert loss(pa.chunked_array([[1.5], [2]])).tolist() == [1.5, 2]
    for values in (pa.array([1, None]), pa.chunked_array([[1.5], [None]])):
        with pytest.raises(ValueError, match="curve 'a': loss at index 1 is nan"):
            loss(values)
    words = pa.array([1.5, None, 2.5, 2.5]).dictionary_encode()
    for values in (words, pa.chunked_array([words])):  # numpy sees the last word for a null
        with pytest.raises(ValueError, match="curve 'a': loss at index 1 is nan"):
            loss(values)
        assert loss(values.drop_null()).tolist() == [1.5, 2.5, 2.5]


def test_a25_polars_null():
    pl = pytest.importorskip("polars")
    assert loss(pl.Series([1, 2])).tolist() == [1, 2]
    with pytest.raises(ValueError, match="curve 'a': loss at index 1 is nan"):
        loss(pl.Series([1, None]))


class Stubborn:
    """A column whose library has errors of its own, as polars for integers of 128 bits."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


def test_a19_what_gives_no_array_is_refused_by_name():
    class OwnError(Exception):
        pass

    with pytest.raises(TypeError, match=r"curve 'a': loss can't be read as an array: no 128 bits"):
        loss(Stubborn(OwnError("no 128 bits")))
    with pytest.raises(MemoryError):
        loss(Stubborn(MemoryError()))


class Tensor:
    """What a tensor on a graph and a device looks like to numpy."""

    def __init__(self, values, on_host=False):
        self.values, self.on_host = values, on_host

    def detach(self):
        return self

    def cpu(self):
        return Tensor(self.values, on_host=True)

    def __array__(self, dtype=None, copy=None):
        if not self.on_host or self.values is None:
            raise TypeError("can't convert a tensor of this kind")
        return np.array(self.values, dtype=dtype)


def test_a26_tensor_is_detached_and_brought_to_the_host():
    assert loss(Tensor([1.5, 2.5])).tolist() == [1.5, 2.5]
    with pytest.raises(TypeError, match="curve 'a': loss can't be read as an array"):
        loss(Tensor(None))


def test_a36_counts_above_64_bits():
    assert loss([10**25, 1]).tolist() == [1e25, 1.0]
    assert loss(np.array([10**25, 2**64], dtype=object)).tolist() == [1e25, 2.0**64]
    assert real(10**25, field="params") == 1e25
    for values in ([1, 10**400], np.array([1, -(10**5000)], dtype=object)):
        with pytest.raises(ValueError, match=r"loss at index 1 is an int of [0-9]+ bits"):
            loss(values)


@pytest.mark.parametrize(
    "values",
    [[0, 2**53 + 1], np.array([0, 2**53 + 1]), [0, 2.0**53], [0, 10**25], [0, -1], [0, 0.5]],
)
def test_a37_steps_are_exact_whole_numbers(values):
    with pytest.raises(ValueError, match="curve 'a': step at index 1 is "):
        steps(values)


def test_a37_steps_up_to_the_limit():
    got = steps([0.0, 2, 2**53 - 1])
    assert got.dtype == np.int64
    assert got.tolist() == [0, 2, 2**53 - 1]
    with pytest.raises(TypeError, match="step at index 0 is True"):
        steps([True])


@settings(deadline=None, derandomize=True)
@given(hnp.arrays(hnp.floating_dtypes() | hnp.integer_dtypes(), st.integers(0, 8)))
def test_input_is_never_modified_nor_shared(values):
    before = values.tobytes()
    with contextlib.suppress(ValueError):  # an integer or long double too large
        got = loss(values, finite=False)
        assert not np.shares_memory(got, values)
        got[:] = -1
    assert values.tobytes() == before


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, [1.0], np.ones(1), Decimal(1)])
def test_scalars_of_another_type(value):
    for check in (real, integer):
        with pytest.raises(TypeError, match="delta is "):
            check(value, field="delta")


def test_real_bounds():
    assert real(np.float32(0.5), field="delta", lower=0.5, upper=1) == 0.5
    assert real(np.inf, field="delta", lower=0, strict=True, allow_inf=True) == np.inf
    for bad in (0, -1, np.nan, np.inf, 10**400):
        with pytest.raises(ValueError, match=r"delta is (a finite number > 0)?"):
            real(bad, field="delta", lower=0, strict=True)
    with pytest.raises(ValueError, match=r"fit: level is 2; expected a finite number > 0 and < 1"):
        real(2, field="level", source="fit", lower=0, upper=1, strict=True)


def test_integer_bounds():
    assert integer(2.4e4, field="steps", lower=1) == 24000
    assert type(integer(np.uint8(3), field="steps")) is int
    for bad in (0, 0.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"steps is {bad}; expected a whole number >= 1"):
            integer(bad, field="steps", lower=1)


def test_b09_unknown_names_come_with_the_closest():
    shapes = ("linear", "exponential")
    assert choose("linear", shapes, field="shape") == "linear"
    with pytest.raises(ValueError, match=r"shape 'linaer' is unknown; did you mean 'linear'?"):
        choose("linaer", shapes, field="shape")
    with pytest.raises(ValueError, match="expected one of 'linear', 'exponential'"):
        choose("zzz", shapes, field="shape")
    with pytest.raises(TypeError, match="shape is 3; expected a string"):
        choose(3, shapes, field="shape")
    assert "did you mean 'Loss'" in closest("LOSS", ["Loss", "step"])
    assert closest("a", []) == "; there are none"
