"""A table, and how files that are none are refused."""

import pytest

from lawfit.io.tables import read_tables

COLUMNS = {"step": [0, 1, 2], "loss": [5.5, 4.5, 4.0], "lr": [1e-3, 2e-3, 1e-3]}


def refused(path, message, **options):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        read_tables(path, **options)
    text = str(caught.value)
    assert message in text
    assert text.startswith(str(path))
    assert text.isprintable()
