"""Files that grow, shrink, are replaced and go away."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lawfit.io import tail as module
from lawfit.io.tail import MAX_LINE, Lines, Tail


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def everything(tail):
    found = tail.read()
    while tail.more:
        found += tail.read()
    return found


def append(path, content):
    with path.open("ab") as file:
        file.write(content)


def test_what_is_new_is_read_once(path):
    path.write_bytes(b"one")
    tail = Tail(path)
    assert tail.read() == b"one"
    assert tail.read() == b""
    append(path, b" two")
    assert tail.read() == b" two"
    assert tail.restarts == 0


def test_a_read_is_of_a_block_at_most(path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 1000)
    content = bytes(range(256)) * 20
    path.write_bytes(content)
    tail = Tail(path)
    blocks = [tail.read()]
    while tail.more:
        blocks.append(tail.read())
    assert b"".join(blocks) == content
    assert {len(block) for block in blocks[:-1]} == {1000}


@pytest.mark.parametrize("after", [b"", b"x", b"a,b\n1,2\n", b"a,b\n1,9\n3,4\n5,6\n"])
def test_a_file_cut_or_written_anew_is_read_from_its_start(path, after):
    path.write_bytes(b"a,b\n1,2\n3,4\n")
    tail = Tail(path)
    tail.read()
    path.write_bytes(after)  # the same inode; the last is longer than what was read
    assert everything(tail) == after
    assert tail.restarts == 1


def test_a_file_that_was_replaced_is_read_from_its_start(path, tmp_path):
    path.write_bytes(b"a,b\n1,2\n")
    tail = Tail(path)
    tail.read()
    (tmp_path / "new").write_bytes(b"a,b\n1,2\n3,4\n")
    (tmp_path / "new").replace(path)
    assert everything(tail) == b"a,b\n1,2\n3,4\n"
    assert tail.restarts == 1
    assert tail.read() == b""
    assert tail.restarts == 1


def test_a_file_that_went_away_is_waited_for(path):
    path.write_bytes(b"one")
    tail = Tail(path)
    tail.read()
    moved = path.rename(path.with_name("log.1"))
    assert (tail.read(), tail.missing, tail.more) == (b"", True, False)
    moved.rename(path)  # the same file is back
    append(path, b"two")
    assert (tail.read(), tail.missing, tail.restarts) == (b"two", False, 0)


def test_a_file_that_became_something_else_is_refused(path):
    path.write_bytes(b"one")
    tail = Tail(path)
    tail.read()
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match="log: is a folder; expected a log file"):
        tail.read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_a_pipe_is_refused_without_waiting_for_its_writer(path):
    os.mkfifo(path)
    with pytest.raises(ValueError, match="log: is no regular file"):
        Tail(path).read()


# Lines


def test_the_last_line_waits_for_its_end(path):
    path.write_bytes(b"one\ntw")
    lines = Lines(path)
    assert lines.read() == [(1, "one")]
    assert lines.waiting == 2
    append(path, b"o\n\nfour\n")
    assert lines.read() == [(2, "two"), (3, ""), (4, "four")]
    assert lines.waiting == 0


def test_a_mark_of_byte_order_and_carriage_returns_are_no_text(path):
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert Lines(path).read() == [(1, "one"), (2, "two")]


@given(content=st.text(alphabet="aé\n\r\ufeff", max_size=40), cut=st.integers(0, 200))
def test_lines_are_the_same_wherever_the_file_was_cut(tmp_path_factory, content, cut):
    path = tmp_path_factory.mktemp("lines") / "log"
    whole = content.encode()
    path.write_bytes(whole[:cut])
    lines = Lines(path)
    found = lines.read()
    append(path, whole[cut:])
    found += lines.read()
    expected = [line.removesuffix("\r") for line in content.removeprefix("\ufeff").split("\n")]
    assert [text for _, text in found] == expected[:-1]
    assert [number for number, _ in found] == list(range(1, len(expected)))


def test_a_restart_forgets_the_line_that_waited(path):
    path.write_bytes(b"one\ntwo\nthr")
    lines = Lines(path)
    lines.read()
    path.write_bytes(b"new\n")
    assert lines.read() == [(1, "new")]
    assert lines.tail.restarts == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\0c\n", "line 2 has a NUL byte at 1; expected text"),
        (b"a\n\xff\n", "line 2: byte 0 is no UTF-8: invalid start byte"),
        (b"caf\xe9\n", "line 1: byte 3 is no UTF-8"),
        (b"a\n" + b"x" * (MAX_LINE + 1) + b"\n", f"line 2 has more than {MAX_LINE} bytes"),
        (b"x" * (MAX_LINE + 1), f"line 1 has more than {MAX_LINE} bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(path, content, message):
    path.write_bytes(content)
    lines = Lines(path)

    def read():
        lines.read()
        while lines.tail.more:
            lines.read()

    with pytest.raises(ValueError, match=f"log: {message}"):
        read()
