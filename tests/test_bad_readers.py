"""Everything public that reads an array refuses the same things and names its own place."""

import pickle

import numpy as np
import pytest

import lawfit as lf
from bad_input_readers import READERS, SIZES, Reader, table
from fit_data import bits
from layouts import backwards, fortran, misaligned, read_only, strided, swapped

AT = 7  # where a value is made bad


def of(*kinds):
    """Parametrise over the readers of some kinds."""
    found = [r for r in READERS if all(getattr(r, kind) for kind in kinds)]
    return pytest.mark.parametrize("reader", found, ids=[r.name for r in found])


def refused(reader: Reader, values, error, message):
    """Expect a refusal that names source and field, and that no byte of the input changed."""
    kept = values.tobytes() if isinstance(values, np.ndarray) else None
    with pytest.raises(error) as caught:
        reader.call(values)
    text = str(caught.value)
    assert type(caught.value) in (TypeError, ValueError)
    assert f"{reader.source}: {reader.field}" in text
    assert message in text
    if kept is not None:
        assert values.tobytes() == kept


def with_one(values, value, dtype=float):
    changed = np.array(values, dtype=dtype)
    changed[AT] = value
    return changed


@of()
def test_readers_take_what_is_good(reader):
    reader.call(reader.good)


@of("finite")
def test_a03_nan(reader):
    refused(reader, with_one(reader.good, np.nan), ValueError, f"at index {AT} is nan; expected a")


@of("finite")
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_a04_a06_infinite(reader, bad):
    refused(reader, with_one(reader.good, bad), ValueError, f"at index {AT} is {bad}; expected a")


@of()
@pytest.mark.parametrize("shape", [(-1, 1), (1, -1), (2, -1)])
def test_a17_two_dimensions(reader, shape):
    values = reader.good.reshape(shape)
    refused(reader, values, ValueError, f"has shape {values.shape}; expected one dimension")


@of()
def test_a18_complex(reader):
    refused(reader, reader.good + 1j, TypeError, "has dtype complex128; expected real numbers")
    refused(reader, [*reader.good[:-1], 1 + 0j], TypeError, f"at index {len(reader.good) - 1} is (")


@of()
def test_a19_strings_and_objects(reader):
    refused(reader, reader.good.astype(str), TypeError, "at index 0 is ")
    refused(reader, with_one(reader.good, "1", object), TypeError, f"at index {AT} is '1'")
    refused(reader, with_one(reader.good, [1.0], object), TypeError, f"at index {AT} is [1.0]")
    assert reader.call(reader.good.astype(object)) is not None  # exact numbers


@of()
def test_a20_bool(reader):
    refused(reader, reader.good > 0, TypeError, "at index 0 is ")
    refused(reader, with_one(reader.good, True, object), TypeError, f"at index {AT} is True")


@of()
def test_a21_integer_that_would_round(reader):
    values = with_one(np.arange(1, len(reader.good) + 1), 2**63 + 1, np.uint64)
    refused(reader, values, ValueError, f"at index {AT} is {2**63 + 1}, which no float64 equals")


def answer(result):
    """What a reader made of an array, as bytes."""
    if isinstance(result, lf.Fit):
        return bits(result)
    if isinstance(result, lf.Problem):
        return bits(result.fit(starts=1))
    if isinstance(result, lf.Forecaster):
        return pickle.dumps((result.schedule.lr.tobytes(), dict(result.params)))
    if isinstance(result, lf.GroupedFit):
        return b"".join(map(bits, result.fits))
    if isinstance(result, lf.Bootstrap):
        return result.objective.tobytes()
    return pickle.dumps(result)


@of()
@pytest.mark.parametrize("lay", [strided, backwards, fortran, read_only, misaligned, swapped])
def test_a22_a23_a24_layout_does_not_change_a_bit(reader, lay):
    values = lay(reader.good)
    before = values.tobytes()
    assert answer(reader.call(values)) == answer(reader.call(reader.good))
    assert values.tobytes() == before


@of("finite")
def test_a25_missing(reader):
    mask = np.arange(len(reader.good)) == AT
    message = f"at index {AT} is nan"
    refused(reader, np.ma.array(reader.good, mask=mask), ValueError, message)
    missing = [None if k == AT else value for k, value in enumerate(reader.good.tolist())]
    refused(reader, missing, ValueError, message)


@of("finite")
def test_a25_pandas_na(reader):
    pandas = pytest.importorskip("pandas")
    kind = "Int64" if reader.steps else "Float64"
    values = pandas.Series(reader.good).astype(kind)
    reader.call(values)
    values[AT] = pandas.NA
    refused(reader, values, ValueError, f"at index {AT} is nan")


class OnDevice:
    """What numpy meets in an array of another device."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class OnGraph(OnDevice):
    """The same of a tensor that requires a gradient, whose way to numpy is known."""

    def detach(self):
        return self

    def cpu(self):
        return self.values


@of()
def test_a26_tensor(reader):
    refused(reader, OnDevice(reader.good), TypeError, "can't be read as an array: can't convert")
    assert answer(reader.call(OnGraph(reader.good))) == answer(reader.call(reader.good))


@of()
def test_a26_torch(reader):
    torch = pytest.importorskip("torch")
    plain = torch.tensor(reader.good)
    assert answer(reader.call(plain)) == answer(reader.call(reader.good))
    if plain.is_floating_point():
        graph = plain.clone().requires_grad_()
        assert answer(reader.call(graph)) == answer(reader.call(reader.good))
    meta = plain.to("meta")  # a device without data, as a GPU is to numpy
    refused(reader, meta, TypeError, "can't be read as an array")


@of("steps")
@pytest.mark.parametrize("bad", [2**53, 2**53 + 1, 10**25, -1, 0.5])
def test_a37_steps_that_are_no_exact_whole_numbers(reader, bad):
    refused(reader, with_one(reader.good, bad, object), ValueError, f"at index {AT} is ")


@of()
def test_a36_python_integers_are_read_as_floats(reader):
    if reader.steps or reader.name == "downstream_chain":
        values = [int(value) for value in reader.good]
        assert answer(reader.call(values)) == answer(reader.call(reader.good))
    else:
        refused(reader, with_one(reader.good, 10**400, object), ValueError, "an int of 1329 bits")


def test_a15_a16_lengths_of_columns():
    short = SIZES[:-1], SIZES[:1]
    for x in short:
        with pytest.raises(ValueError, match=f"x has {len(x)}, y has 24"):
            lf.Problem("power", table(x=x))
        with pytest.raises(ValueError, match=f"step has {len(x)}, loss has 24"):
            lf.Forecaster("annealing", np.ones(99)).update_many(np.arange(len(x)), SIZES)
        with pytest.raises(ValueError, match=f"lr has {len(x)}"):
            lf.Schedule.from_points(range(24), x / 1e6)
        with pytest.raises(ValueError, match=f"weights: {len(x)} weights for 24 rows"):
            lf.fit("power", table(), weights=x)
        with pytest.raises(ValueError, match=f"{len(x)}"):
            lf.batch_cost(x, SIZES, 1e5)


@pytest.mark.parametrize("made", [list, np.array])
def test_a19_integer_keys_that_no_float_equals(made):
    keys = [2**60 + 1] * 12 + [2**60 + 2] * 12  # one float, and two groups
    message = r"data: g at index 0 is 1152921504606846977, which no float64 equals; make it a text"
    for entry in (lf.fit, lf.fit_many):
        with pytest.raises(ValueError, match=message):
            entry("power", table() | {"g": made(keys)}, by="g")
    wide = lf.fit_many("power", table() | {"g": made([2**53] * 12 + [2**60] * 12)}, by="g")
    assert wide.keys == (2.0**53, 2.0**60)
    with pytest.raises(ValueError, match="no float64 equals"):
        lf.fit_many("power", table() | {"g": [10**400] * 24}, by="g")


def test_a17_a19_keys_of_groups():
    frame = table()
    masked = np.ma.array(np.arange(24.0) % 2, mask=np.arange(24) == AT)
    for call in (lf.fit, lf.fit_many):
        with pytest.raises(TypeError, match=f"data: g at index {AT} is None; expected a text or"):
            call("power", {**frame, "g": masked}, by="g")
        with pytest.raises(ValueError, match=f"data: g at index {AT} is nan"):
            call("power", {**frame, "g": np.where(masked.mask, np.nan, 1.0)}, by="g")
        with pytest.raises(TypeError, match=r"data: g at index 0 is \["):
            call("power", {**frame, "g": np.ones((24, 1))}, by="g")
        with pytest.raises(TypeError, match="data: g can't be read as an array"):
            call("power", {**frame, "g": OnDevice(SIZES)}, by="g")
        with pytest.raises(ValueError, match="data: g has 23 values for 24 rows"):
            call("power", {**frame, "g": ["a"] * 23}, by="g")
    unmasked = np.ma.array(masked.data)
    assert lf.fit_many("power", {**frame, "g": unmasked}, by="g").keys == (0.0, 1.0)


def test_a25_masked_log_probabilities_are_missing():
    values = np.full((2, 3, 4), -1.0)
    lf.downstream_chain(np.ma.array(values), [0, 1, 2])
    mask = np.zeros(values.shape, bool)
    mask[1, 2, 3] = True
    with pytest.raises(ValueError, match=r"choice\] \[1, 2, 3\] is nan"):
        lf.downstream_chain(np.ma.array(values, mask=mask), [0, 1, 2])
    for bad in (values > -2, values + 0j, values.astype(str)):
        with pytest.raises(TypeError, match="downstream_chain: log_probs at index 0"):
            lf.downstream_chain(bad, [0, 1, 2])
    nested = values.tolist()
    assert np.array_equal(
        lf.downstream_chain(nested, [0, 1, 2]).accuracy,
        lf.downstream_chain(values, [0, 1, 2]).accuracy,
    )


SCALARS = [
    (True, TypeError),
    (1 + 0j, TypeError),
    ("2.5", TypeError),
    ([2.5], TypeError),
    (np.ones(2), TypeError),
    (0.0, ValueError),
    (-1.0, ValueError),
    (1e300, ValueError),
    (1e-310, ValueError),
]


@pytest.mark.parametrize("law", ["annealing", lf.Law("steps", "a * (step + 1)**-b", ["a", "b"])])
@pytest.mark.parametrize(("bad", "error"), SCALARS)
def test_a18_a19_a20_a28_a29_loss_of_an_update(law, bad, error):
    forecaster = lf.Forecaster(law, np.full(50, 1e-3))
    forecaster.update(0, 3.0).update(1, 2.9)
    with pytest.raises(error, match="loss"):
        forecaster.update(2, bad)
    assert forecaster.n == 2
    assert forecaster.update(2, 2.8).n == 3  # the point refused was not taken
    assert forecaster.update(3, np.float32(2.7)).update(4, np.array(2.6)).n == 5
    assert forecaster.update(5, np.nan).update(6, None).skipped == 2
