"""The catalogue of bad input: every row by its id, and the tests that are named by it.

`pytest -k A17` runs the tests of a row: their names begin with its id, or with several.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROWS = {
    # Arrays and curves
    "A01": "empty curve",
    "A02": "fewer points than parameters",
    "A03": "NaN loss",
    "A04": "infinite loss, as of a run that diverged",
    "A05": "NaN or infinity in a start",
    "A06": "NaN or infinite step, lr, N or D",
    "A07": "zero or negative N, D or step in a power law",
    "A08": "negative loss in log space",
    "A09": "learning rate zero everywhere",
    "A10": "negative learning rate",
    "A11": "unsorted steps",
    "A12": "duplicate steps of a resumed run",
    "A13": "steps going backwards at a restart",
    "A14": "gaps, and logging every k steps",
    "A15": "arrays of several lengths",
    "A16": "arrays of length 1 that would be broadcast",
    "A17": "two-dimensional y",
    "A18": "complex y",
    "A19": "strings and objects",
    "A20": "bool y",
    "A21": "integers of 8 to 64 bits, half, single and long double",
    "A22": "strides, negative strides and Fortran order",
    "A23": "read-only and memory-mapped arrays",
    "A24": "misaligned and byte-swapped buffers",
    "A25": "masked arrays and NA of data frames",
    "A26": "tensors on a device or with a gradient",
    "A27": "arrays that another thread changes during a fit",
    "A28": "denormal losses",
    "A29": "losses whose squares overflow",
    "A30": "constant loss",
    "A31": "all x equal",
    "A32": "collinear N and D",
    "A33": "residuals of zero",
    "A34": "one huge outlier under a robust loss",
    "A35": "a schedule of 1e9 steps",
    "A36": "counts above 2**63",
    "A37": "steps above 2**53",
    # Options
    "B01": "delta of 0, negative, NaN or infinite",
    "B02": "bounds inverted or equal",
    "B03": "start outside its bounds",
    "B04": "bounds of NaN",
    "B05": "start exactly on a bound",
    "B06": "weights of 0, negative or NaN",
    "B07": "iterations of 0 or less, tolerance negative or NaN",
    "B08": "0 or 1e9 starts, negative seeds",
    "B09": "unknown names of laws and options",
    "B10": "numbers of threads, OMP_NUM_THREADS that is junk",
    "B11": "fixed values that contradict bounds",
    # A Python function as law
    "C01": "raises in the middle of many starts",
    "C02": "raises SystemExit, KeyboardInterrupt or GeneratorExit",
    "C03": "returns another shape, a scalar, None or a list",
    "C04": "NaN for some parameters",
    "C05": "writes to its inputs",
    "C06": "keeps its buffers after the call",
    "C07": "calls fit itself",
    "C08": "called from worker threads, and sleeps or spawns threads",
    "C09": "gives another answer every time",
    "C10": "a wrong Jacobian",
    "C11": "deletes the data or the result while it is called",
    # Runtime
    "D01": "Ctrl-C in a long native search",
    "D02": "Ctrl-C while worker threads hold no GIL",
    "D03": "a fit in another thread than the main one",
    "D04": "a fork after a parallel region",
    "D05": "a fork while another thread fits",
    "D06": "spawn, forkserver and pickles",
    "D07": "8 Python threads fit at once",
    "D08": "subinterpreters and free-threaded builds",
    "D09": "two OpenMP runtimes in one process",
    "D10": "no memory left",
    "D11": "an exception inside a parallel region",
    "D12": "floating-point flags that another library set",
    "D13": "a locale with decimal commas",
    "D14": "shutdown of the interpreter while a fit runs",
    "D15": "a callback that raises or is slow in a training loop",
    "D16": "a time limit",
    # Files
    "E01": "paths that are missing, directories, FIFOs or devices",
    "E02": "byte-order mark of UTF-8",
    "E03": "UTF-16",
    "E04": "a Latin-1 header",
    "E05": "semicolons and decimal commas",
    "E06": "a name twice in the header",
    "E07": "a missing column",
    "E08": "rows too long or too short",
    "E09": "a header alone, an empty file",
    "E10": "the spellings of a missing value",
    "E11": "text, hexadecimal floats and thousands separators among numbers",
    "E12": "NUL bytes",
    "E13": "line ends of all kinds, blank lines and comments",
    "E14": "an unclosed quote",
    "E15": "a last line that is still being written",
    "E16": "the header repeated where a run was resumed",
    "E17": "truncated gzip",
    "E18": "gzip by name or by content alone",
    "E19": "gzip of several members",
    "E20": "archives that expand without bounds",
    "E21": "JSON cut off in its last line",
    "E22": "NaN and Infinity in JSON",
    "E23": "a key twice in JSON",
    "E24": "numbers as strings, missing keys, null and blank lines in JSON lines",
    "E25": "deep nesting, integers of 5000 digits, endless lines",
    "E26": "event files cut off in the last record",
    "E27": "event files with a wrong checksum or length",
    "E28": "event files of several kinds, tags, restarts and parts",
    "E29": "exports of Weights & Biases",
    "E30": "Parquet that is corrupt or of unusual types",
    "E31": "pickles and arrays of objects",
    "E32": "a law's text that is code",
    "E33": "paths that leave their folder",
    "E34": "symbolic links as output",
    "E35": "a full disk, a kill while writing",
    "E36": "markup in names shown by a report",
    "E37": "cells of CSV that a spreadsheet would run",
    "E38": "escapes, bidirectional marks and newlines in names printed",
    "E39": "a broken pipe, no terminal, output that is not UTF-8",
    "E40": "exit codes",
    "E41": "very many files, one of them unreadable",
    "E42": "a file that grows while it is read",
}

NOT_APPLICABLE: dict[str, str] = {}

# Sections whose every applicable row must have a test.
COMPLETE = ("A", "B", "C", "D", "E")

_NAMED = re.compile(r"test_((?:[a-e][0-9]{2}(?:_|\b))+)")


class Row(NamedTuple):
    """A row of the catalogue: its tests as file::name, or why it has none."""

    id: str
    text: str
    tests: tuple[str, ...]
    not_applicable: str


def rows() -> list[Row]:
    """Return the catalogue with the tests that are there."""
    found: dict[str, list[str]] = {}
    for row, test in named_tests():
        found.setdefault(row, []).append(test)
    return [
        Row(row, text, tuple(found.get(row, ())), NOT_APPLICABLE.get(row, ""))
        for row, text in ROWS.items()
    ]


def named_tests() -> Iterator[tuple[str, str]]:
    """Yield every id in the name of a test, and the test."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for row in rows_named(node.name):
                    yield row, f"{path.name}::{node.name}"


def rows_named(test: str) -> list[str]:
    """Return the ids that the name of a test begins with."""
    named = _NAMED.match(test)
    return named[1].strip("_").upper().split("_") if named else []
