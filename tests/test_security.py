"""What SECURITY.md says, as far as a test can tell."""

import ast
import inspect
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

import lawfit
from lawfit import _json
from lawfit._html import fragment
from lawfit._printable import printable
from lawfit.formula.scan import MAX_LENGTH
from lawfit.io import events, tail
from lawfit.io.rows import MAX_NAMES

ROOT = Path(__file__).parents[1]
NETWORK = {"socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "ftplib", "asyncio"}
WRITERS = {
    "write_text",
    "write_bytes",
    "mkdir",
    "symlink_to",
    "to_csv",
    "to_html",
    "save",
    "savetxt",
}


@pytest.fixture(scope="module")
def said():
    path = ROOT / "SECURITY.md"
    if not path.is_file():
        pytest.skip("SECURITY.md is not here")
    return " ".join(path.read_text(encoding="utf-8").split())


def nodes():
    pending = [files("lawfit")]
    while pending:
        for entry in pending.pop().iterdir():
            if entry.is_dir():
                pending.append(entry)
            elif entry.name.endswith(".py"):
                for node in ast.walk(ast.parse(entry.read_text(encoding="utf-8"))):
                    yield entry.name, node


def test_the_limits_are_those_of_the_code(said):
    assert f"at most {MAX_LENGTH} characters" in said
    assert (
        f"at most {_json.MAX_TEXT // 2**20} MiB, {_json.MAX_DEPTH} levels, "
        f"{_json.MAX_CONTAINERS} objects and lists, {_json.MAX_DIGITS} digits a number"
    ) in said
    assert (
        f"at most {tail.BLOCK // 2**10} KiB at a time, {tail.MAX_LINE // 2**20} MiB a line, "
        f"{events.LARGEST_READ // 2**20} MiB a record, {MAX_NAMES} names, "
        f"{_json.MAX_TEXT // 2**20} MiB a trainer's state"
    ) in said


def test_what_is_never_imported(said):
    named = set(re.findall(r"`(\w+)`", re.search(r"imports no (.*?), calls", said)[1]))
    assert named == {"pickle", "marshal", "shelve"}
    for name, node in nodes():
        if isinstance(node, ast.Import | ast.ImportFrom):
            froms = [getattr(node, "module", None) or ""]
            if froms == ["urllib.parse"]:  # it takes text apart, and calls nobody
                continue
            found = {n.partition(".")[0] for n in (*froms, *(a.name for a in node.names))}
            assert not found & (named | NETWORK), name


def test_files_are_written_in_one_place_only(said):
    assert "In CSV, text that a spreadsheet would run gets a quote before it" in said
    for name, node in nodes():
        if name == "_files.py" or not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            assert called.id != "open", name
        elif isinstance(called, ast.Attribute) and called.attr == "open":
            silence = ast.unparse(node) == "os.open(os.devnull, os.O_WRONLY)"
            reading = [ast.unparse(a) for a in node.args] in ([], ["'rb'"])  # a sample, a log
            assert silence or reading, name
        elif isinstance(called, ast.Attribute) and called.attr in WRITERS:
            assert ast.unparse(called) == "plot.save", name


HTML = {"Comparison", "Fit", "ScheduleDesign"}


def test_html_is_made_in_one_place_only(said):
    assert "a few results show themselves as HTML, every text in it escaped" in said
    for name in lawfit.__all__:
        if inspect.isclass(thing := getattr(lawfit, name)):
            shown = [m for m in dir(thing) if m.startswith("_repr_") and m.endswith("_")]
            assert shown == (["_repr_html_"] if name in HTML else []), name
    for name, node in nodes():
        if isinstance(node, ast.FunctionDef) and node.name == "_repr_html_":
            assert ast.unparse(node.body[-1]).startswith("return fragment("), name


HOSTILE = "<img src=x onerror=alert(1)>&\"'\x1b[2J\n</table>"


def test_markup_in_names_stays_text():
    shown = fragment([HOSTILE], [[HOSTILE] * 3, [HOSTILE] * 3], [HOSTILE])
    found = Seen()
    found.feed(shown)
    assert set(found.tags) == {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.tags.count("table") == 1
    assert set(filter(str.strip, found.texts)) == {printable(HOSTILE)}
    assert {attribute for attribute, _ in found.attributes} == {"style"}


class Seen(HTMLParser):
    """What a browser would make of a piece of HTML."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def test_the_core_builds_with_sanitizers(said):
    assert "`-DSANITIZE=address,undefined`" in said
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "-fsanitize=${SANITIZE} -fno-sanitize-recover=all" in cmake


def test_the_scripts_it_names_are_there(said):
    named = set(re.findall(r"`(\.ci/\w+)`", said))
    assert named == {".ci/sanitize", ".ci/fuzz"}
    if (ROOT / ".ci").is_dir():
        assert all((ROOT / name).is_file() for name in named)


def test_no_address_is_invented(said):
    assert "@" not in said
    assert "http" not in said
