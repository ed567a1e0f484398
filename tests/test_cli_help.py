"""Every command's help shows an example, and the example runs. Completion of names."""

import os
import re
import shlex
from pathlib import Path

import pytest

from cli_folder import fill, start

pytest.importorskip("typer")
import typer.main
from typer.testing import CliRunner

from lawfit import laws
from lawfit.cli.app import app

EXAMPLE = re.compile(r"^Example: lawfit (.*)$")


def commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))
# One goes after what it reads was written.
ORDER = ["demo", "laws", "watch", "fit", "predict", "compare"]


def example(path):
    found = EXAMPLE.match(COMMANDS[path].epilog or "")
    assert found, path
    return found[1]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_shows_one_example(path):
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert f"Example: lawfit {' '.join(path)} " in text
    assert text.count("Example:") == 1
    assert "--json" in text
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "…" not in text  # no name of an option is cut short


def expanded(word):
    """What a shell makes of a word."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def test_the_examples_run_in_turn(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path))
    rest = [path for path in COMMANDS if path[0] not in ORDER]
    for path in [*((name,) for name in ORDER), *rest]:
        words = [each for word in shlex.split(example(path)) for each in expanded(word)]
        if path == ("watch",):
            words.append("--once")
        done = CliRunner().invoke(app, words, env={"COLUMNS": "80", "NO_COLOR": "1"})
        assert done.exit_code == 0, (words, done.output)
        assert done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("lawfit pre", {"predict"}),
        ("lawfit laws chin", {"chinchilla"}),
        ("lawfit fit --law kaplan_", {name for name in laws.names() if name[:7] == "kaplan_"}),
    ],
)
def test_the_shell_completes_names(typed, offered):
    words = typed.split(" ")
    environment = {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = start(env={**os.environ, **environment, "_LAWFIT_COMPLETE": "complete_bash"})
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == offered


def test_completion_can_be_shown():
    for shell in ("bash", "zsh", "fish"):
        environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
        done = start("--show-completion", shell, env=environment)
        assert done.returncode == 0, done.stderr
        assert "_LAWFIT_COMPLETE" in done.stdout
