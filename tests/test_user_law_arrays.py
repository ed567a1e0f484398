"""What a Python law does to arrays, and chance: rows C05, C06, C09 and C11 of the catalogue."""

import gc

import numpy as np
import pytest

import lawfit as lf
from user_laws import START, TABLE, X, fitted, law, power, power_jacobian

# C05, C06, C11: what it does to arrays


def test_c05_it_cannot_write_to_its_columns():
    before = {name: values.tobytes() for name, values in TABLE.items()}

    def vandal(x, *, a, b, c):
        for owner in (x, x.base):
            with pytest.raises((ValueError, AttributeError, TypeError)):
                owner.setflags(write=True)
            with pytest.raises((ValueError, TypeError)):
                owner[:] = 0
        a *= 0
        return power(x, a=1.0, b=b, c=c)

    fitted(vandal, starts=3)
    fitted(lambda x, *, a, b, c: power(x, a=a, b=b, c=c)).predict(TABLE)
    assert {name: values.tobytes() for name, values in TABLE.items()} == before


def test_c05_it_may_write_to_what_it_is_called_with_by_name():
    def eats(x, **parameters):
        a, b, c = (parameters.pop(name) for name in "abc")
        return power(x, a=a, b=b, c=c)

    assert fitted(eats) == lf.fit(law(eats), TABLE, starts=[START])
    assert dict(fitted(eats).params) == dict(fitted().params)


def test_c06_arrays_that_it_keeps_stay_what_they_were():
    kept = []

    def hoarder(x, *, a, b, c):
        value = power(x, a=a, b=b, c=c)
        kept.append((x, value, value.copy()))
        return value

    fit = fitted(hoarder, starts=4)
    del fit
    gc.collect()
    assert kept
    for x, value, copy in kept:
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(value, copy)


@pytest.mark.parametrize("jacobian", [None, power_jacobian])
def test_c06_one_buffer_for_all_results_gives_the_same_bits(jacobian):
    out, slopes = np.empty(X.size), np.empty((X.size, 3))

    def reuses(x, *, a, b, c):
        out[:] = power(x, a=a, b=b, c=c)
        return out

    def reuses_slopes(x, *, a, b, c):
        slopes[:] = power_jacobian(x, a=a, b=b, c=c)
        return slopes

    own = None if jacobian is None else reuses_slopes
    found = lf.fit(law(reuses, jacobian=own), TABLE)
    want = lf.fit(law(jacobian=jacobian), TABLE)
    assert dict(found.params) == dict(want.params)
    assert found.cov.tobytes() == want.cov.tobytes()


def test_c06_a_result_that_is_its_own_input_is_fine():
    same = lf.fit(lf.CallableLaw(lambda x, *, a: x, y="y"), {"x": X, "y": X})
    assert same.status == "rank_deficient"


def test_c11_it_may_drop_everything_it_can_reach():
    data = {name: values.copy() for name, values in TABLE.items()}
    held = {}

    def careless(x, *, a, b, c):
        held.clear()
        for values in data.values():
            values[:] = np.nan
        data.clear()
        return power(x, a=a, b=b, c=c)

    want = fitted()
    mine = law(careless)
    held["mine"] = mine
    found = lf.fit(mine, data, starts=[START])
    assert dict(found.params) == dict(want.params)

    data.update({name: values.copy() for name, values in TABLE.items()})
    held["problem"] = lf.Problem(mine, data)
    assert held["problem"].minimise(START).params == dict(want.params)
    assert not held
    held["problem"] = lf.Problem(law(careless), {**TABLE})
    assert dict(held["problem"].fit([START]).params) == dict(want.params)
    held["fit"] = lf.fit(law(careless), {**TABLE}, starts=[START])
    assert lf.bootstrap(held["fit"], 5).converged.any()
    held["fit"] = found
    assert held["fit"].predict({"x": X}).shape == X.shape
    held["fit"] = found
    assert len(held["fit"].interval({"x": X})) == 2


# C09: another value at every call


@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize("loss", ["huber", "squared"])
def test_c09_a_law_of_chance_ends_with_a_status(gaps, loss):
    rng = np.random.default_rng(0)
    calls = 0

    def chance(x, *, a, b, c):
        nonlocal calls
        calls += 1
        value = power(x, a=a, b=b, c=c) * np.exp(rng.normal(0, 0.1, x.size))
        return np.where(rng.random() < gaps, np.nan, value)

    found = lf.fit(law(chance), TABLE, starts=8, max_iterations=50, loss=loss)
    assert found.status in ("converged", "stalled", "max_iterations", "rank_deficient", "bad_start")
    assert calls < 8 * 50 * 30
    assert found.status == "bad_start" or np.isfinite([*found.params.values()]).all()
