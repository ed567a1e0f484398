"""Every row of the catalogue of bad input has a test, or a reason to have none."""

import pytest

from bad_input_catalogue import COMPLETE, NOT_APPLICABLE, ROWS, named_tests, rows


@pytest.mark.parametrize(
    ("section", "size"), [("A", 37), ("B", 11), ("C", 11), ("D", 16), ("E", 42)]
)
def test_no_row_is_left_out(section, size):
    assert [row for row in ROWS if row[0] == section] == [
        f"{section}{k:02}" for k in range(1, size + 1)
    ]


@pytest.mark.parametrize(
    "row", [row for row in rows() if row.id[0] in COMPLETE], ids=lambda row: row.id
)
def test_a_row_has_a_test_or_a_reason(row):
    assert bool(row.tests) != bool(row.not_applicable), f"{row.id}: {row.text}"


def test_tests_are_named_by_rows_that_there_are():
    assert {row for row, _ in named_tests()} <= set(ROWS)
    assert set(NOT_APPLICABLE) <= set(ROWS)
    assert all(NOT_APPLICABLE.values())


def test_no_test_is_named_by_one_row_twice():
    found = list(named_tests())
    assert len(found) == len(set(found))
