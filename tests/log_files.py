"""Logs as they grow: what readers are given piece by piece."""

from lawfit.io import open_log


def rows(reader):
    """All rows that are there now, as plain values."""
    found = [(row.step, dict(row.values)) for row in reader.read()]
    while reader.more:
        found += [(row.step, dict(row.values)) for row in reader.read()]
    return found


def read_all(path, **options):
    """The rows of a file that stays as it is."""
    return rows(open_log(path, **options))


def read_in_pieces(path, content, cuts, **options):
    """The rows of a file that is written up to each cut, and read there."""
    reader, found = None, []
    path.write_bytes(b"")
    for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        with path.open("ab") as file:
            file.write(content[begin:end])
        reader = reader or open_log(path, **options)
        if reader is not None:
            found += rows(reader)
    assert reader is None or reader.restarts == 0
    return found
