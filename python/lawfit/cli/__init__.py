"""The command line. `main` needs nothing but Python; the commands need the extra `cli`."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading

from lawfit._extras import MissingExtra, require
from lawfit._printable import printable

__all__ = ["main"]

# 128 and the signal's number, as a shell reports them.
INTERRUPTED = 130
BROKEN_PIPE = 141


def main() -> int:
    """Run the `lawfit` command and return its exit code.

    0 is success, 2 a command line that cannot be followed, one for which an extra is missing among
    them, 3 data that are refused, 4 a fit that has not converged. What can't be read or written, or
    takes more memory than there is, is one line on stderr and code 1. A reader that went away
    (``lawfit laws | head -1``) ends it as SIGPIPE does, in a shell code 141, and Ctrl-C is code
    130, both without a word.
    """
    if hasattr(signal, "SIGPIPE") and threading.current_thread() is threading.main_thread():
        # Python ignores it, and what prints has each its own way with the error that follows.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # λ and ± on a terminal that lacks them
    try:
        try:
            return _run()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except MissingExtra as error:
        print(f"lawfit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError as error:
        print(f"lawfit: out of memory: {error}".removesuffix(": "), file=sys.stderr)
        return 1
    except BrokenPipeError:
        _discard_unwritten()
        return BROKEN_PIPE
    except OSError as error:
        _discard_unwritten()
        place = "" if error.filename is None else f"{printable(str(error.filename))}: "
        print(f"lawfit: {place}{error.strerror or error}", file=sys.stderr)
        return 1


def _discard_unwritten() -> None:
    """Let what stdout can't take go nowhere, or Python would fail on it again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> int:
    require("typer", extra="cli")
    require("rich", extra="cli")
    from lawfit.cli.app import app  # noqa: PLC0415 - needs the extra

    try:
        app(prog_name="lawfit")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return 0
