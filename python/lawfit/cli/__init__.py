"""The command line. `main` needs nothing but Python; the commands need the extra `cli`."""

from __future__ import annotations

import io
import os
import sys

from lawfit._extras import MissingExtra, require

__all__ = ["main"]

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports


def main() -> int:
    """Run the `lawfit` command and return its exit code.

    A missing extra is one line on stderr and code 2; what can't be written is one line and code 1;
    a reader that went away (``lawfit demo | head``) is code 1 without a word; Ctrl-C is code 130.
    """
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
    except BrokenPipeError:
        _discard_unwritten()
        return 1
    except OSError as error:
        _discard_unwritten()
        place = "" if error.filename is None else f"{error.filename}: "
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
