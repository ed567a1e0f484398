"""The bar on stderr: over a second, on a terminal alone, and gone at the end."""

import os
import re
import select
import subprocess
import sys

import pytest

from cli_folder import start

pytest.importorskip("rich")

posix = pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX's")
# What takes longer than the patience there is, told how far it is.
WORK = """
import sys, time
from lawfit.cli import progress
progress.PATIENCE = {patience}
with progress.working("Reading [bold]") as report:
    print("told" if report else "untold", flush=True)
    for done in range(1, 4):
        if report:
            report(done, 3)
        time.sleep({each})
{end}
"""


def on_terminal(code, **environment):
    """Return what a process prints, and what it writes to a terminal that is its stderr."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **environment},
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the process has gone
            break
        if not read:
            break
        written += read
    os.close(ours)
    printed = process.communicate(timeout=60)[0]
    return printed.decode(), written.decode(), process.returncode


@posix
def test_a_bar_on_a_terminal_that_is_gone_at_the_end():
    code = WORK.format(patience=0.0, each=0.3, end="print('end')")
    printed, written, status = on_terminal(code)
    assert (printed, status) == ("told\nend\n", 0)
    assert "Reading [bold]" in written  # names are text, not markup
    assert re.search(r"[123]/3", written)
    shown, hidden = written.rfind("\x1b[?25h"), written.rfind("\x1b[?25l")
    assert shown > hidden >= 0  # the cursor is back
    assert written.endswith("\x1b[2K")  # and the line empty


@posix
def test_nothing_for_what_is_quick():
    printed, written, status = on_terminal(WORK.format(patience=60, each=0.0, end="print('end')"))
    assert (printed, written, status) == ("told\nend\n", "", 0)


@posix
def test_the_terminal_is_given_back_where_work_fails():
    code = WORK.format(patience=0.0, each=0.3, end="    raise SystemExit(7)")
    _, written, status = on_terminal(code)
    assert status == 7
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l") >= 0


@posix
def test_the_terminal_is_given_back_where_it_is_terminated():
    end = "    import os, signal; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    _, written, status = on_terminal(WORK.format(patience=0.0, each=0.3, end=end))
    assert status == 143
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l") >= 0


@posix
def test_nothing_on_a_terminal_that_can_do_little():
    code = WORK.format(patience=0.0, each=0.1, end="")
    assert on_terminal(code, TERM="dumb") == ("untold\n", "", 0)


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}])
def test_nothing_where_stderr_is_no_terminal(environment):
    code = WORK.format(patience=0.0, each=0.1, end="")
    done = start(code=code, env={**os.environ, **environment})
    assert (done.stdout, done.stderr, done.returncode) == ("untold\n", "", 0)


@posix
def test_nothing_where_stderr_is_closed():
    code = WORK.format(patience=0.0, each=0.1, end="")
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("untold\n", 0)
