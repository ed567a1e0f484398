"""The command line, run within the process of the tests."""

import re

import pytest
from typer.testing import CliRunner

from cli_folder import fill
from lawfit.cli.app import app


def run(*arguments, stdin=None):
    """Run a command as on a terminal of 80 columns."""
    environment = {"COLUMNS": "80", "NO_COLOR": "1"}
    return CliRunner().invoke(app, [str(a) for a in arguments], env=environment, input=stdin)


def succeed(*arguments, **options):
    """Return what a command prints that has nothing to complain of."""
    done = run(*arguments, **options)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout


def message(done):
    """Return what a command said on stderr, without the frame about it."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr).split())


def fitted_folder(made, *options):
    """Return a folder of runs, filled, with a fit to them in fit.json."""
    fill(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        succeed("fit", "runs", *options, "--out", "fit.json")
    return made
