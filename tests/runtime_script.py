"""Code that runs in a process of its own, with what `runtime_problem` has at hand."""

import functools
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TIMEOUT = 60
HERE = Path(__file__).parent
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX's")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# What a shell starts in the background ignores SIGINT, and so would this.
PREAMBLE = """
import json, multiprocessing, os, signal, sys, threading, time, warnings
import numpy as np
import lawfit as lf
from runtime_problem import *
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def script(code):
    return PREAMBLE + textwrap.dedent(code)


def environment(**changes):
    """This process's, with the tests' modules to be found."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **changes}


def run(code, timeout=TIMEOUT, **changes):
    """Run `code` and return what it printed, word by word."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment(**changes),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def run_file(path, *arguments, timeout=TIMEOUT):
    """Run a file of Python and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", path, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stressed(name, count, timeout=TIMEOUT):
    """Run the script of stress of that name and return what it found."""
    path = HERE / f"stress_{name}.py"
    return json.loads(run_file(path, "--count", str(count), timeout=timeout))


@functools.cache
def expected_bits():
    """Those of a fit in a process where nothing else happened."""
    (found,) = run("print(bits())")
    return found
