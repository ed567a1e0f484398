"""The command line, and what `lawfit` says without its extra."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lawfit import Fit, Law, laws, samples
from lawfit._extras import MissingExtra, require
from lawfit.demo import demonstrate

pytest.importorskip("typer")
from typer.testing import CliRunner

from lawfit.cli.app import app

# Hides a module from a fresh interpreter, then runs the console script's function.
HIDDEN = """
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {hidden!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Hide())
sys.argv[1:] = {arguments!r}
from lawfit.cli import main
sys.exit(main())
"""
RUN = "import sys; from lawfit.cli import main; sys.exit(main())"


def run(*arguments):
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "80", "NO_COLOR": "1"})


def python(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    picture = tmp_path_factory.mktemp("demo") / "picture.png"
    return run("demo", "--size", "56160", "--out", str(picture)), picture


def test_demo_prints_a_row_for_every_schedule_and_size(demo):
    result, _ = demo
    assert result.exit_code == 0, result.output
    for params in samples.sizes():
        assert f"\n{params} parameters" in result.stdout
        for curve in samples.curves(params):
            row = rf"{curve.name} +(fitted|forecast) +{curve.loss[-1]:.4f} +\d\.\d{{4}} +[-+]0\.\d+"
            assert re.search(row, result.stdout), row


def test_demo_prints_parameters_profile_and_time(demo):
    result, picture = demo
    for name in laws.annealing.parameters:
        assert re.search(rf"^{name} ", result.stdout, re.MULTILINE), name
    assert re.search(r"^C +\d\.\d+ ± 0\.\d+", result.stdout, re.MULTILINE)
    assert re.search(r"^time of the fit( +\d+\.\d ms){3}", result.stdout, re.MULTILINE)
    assert result.stdout.endswith(f"Picture: {picture} (56160 parameters)\n")


def test_demo_is_plain_text_within_80_columns(demo):
    lines = demo[0].stdout.splitlines()
    assert max(len(line) for line in lines if not line.startswith("Picture:")) <= 80
    assert "\x1b" not in demo[0].stdout
    assert "…" not in demo[0].stdout


def test_demo_draws_a_picture(demo):
    content = demo[1].read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    assert width > 800
    assert height > 500
    assert 30_000 < len(content) < 200_000


def test_demo_without_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("demo", "--no-plot")
    assert result.exit_code == 0
    assert "Picture" not in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "nowhere/picture.png"), "nowhere: no such folder"),
        (("--out", "."), ".: is a folder"),
        (("--out", "/dev/full"), "/dev/full: is no regular file"),
        (("--out", "a" * 300), f"{'a' * 300}: File name too long"),
    ],
)
def test_a_picture_without_a_place_is_refused_at_once_in_one_line(arguments, message, tmp_path):
    result = python(RUN, "demo", *arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"lawfit: {message}\n")


def test_an_unknown_size_is_refused_at_once():
    result = run("demo", "--size", "7")
    assert result.exit_code == 2
    assert "7 is none of 25152, 56160, 149184" in result.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line_and_code_1():
    for arguments in (["demo", "--no-plot"], ["laws"], ["--version"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", RUN, *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                check=False,
            )
        message = "lawfit: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, message), arguments


@pytest.mark.parametrize("command", [["demo", "--no-plot"], ["laws"]])
def test_a_narrow_terminal_gets_the_same_text(command):
    def printed(columns):
        result = CliRunner().invoke(app, command, env={"COLUMNS": columns, "NO_COLOR": "1"})
        assert result.exit_code == 0
        return re.sub(r"time of the fit.*", "", result.stdout)

    assert printed("40") == printed("80")
    assert "…" not in printed("40")


def test_version_and_laws():
    assert run("--version").stdout == f"lawfit {version('lawfit')}\n"
    listed = run("laws")
    assert listed.exit_code == 0
    assert all(f"\n{name} " in listed.stdout for name in laws.names())
    assert all(f"{family} " in listed.stdout for family in laws.families())


def test_laws_shows_one_in_full():
    shown = run("laws", "data_constrained")
    assert shown.exit_code == 0
    law = laws.get("data_constrained")
    text = " ".join(shown.stdout.split())
    assert all(" ".join(line.split()) in text for line in law.equations())
    assert law.description in text
    for name, parameter in law.parameters.items():
        assert re.search(rf"^{name} ", shown.stdout, re.MULTILINE)
        assert parameter.meaning.split()[-1] in text
    assert "10 to 100000" in text
    assert "from: U, D, N" in text
    assert f"source: {law.source}" in text
    assert "conventions: the usual ones of fit()" in text
    assert "conventions: loss='binomial', space='linear'" in run("laws", "pass_until").stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_laws_and_the_demonstration_as_json():
    every = json.loads(run("laws", "--json").stdout)
    assert [law["name"] for law in every] == [*laws.names()]
    assert Law.from_dict(json.loads(run("laws", "chinchilla", "--json").stdout)) == laws.chinchilla
    shown = json.loads(run("demo", "--no-plot", "--json").stdout)
    assert [each["params"] for each in shown] == [*samples.sizes()]
    for each, size in zip(shown, samples.sizes(), strict=True):
        want = demonstrate(size)
        assert Fit.from_dict(each["fit"]) == want.fit
        assert [row["run"] for row in each["forecasts"]] == [f.curve.name for f in want.forecasts]
        assert [row["forecast"] for row in each["forecasts"]] == [f.final for f in want.forecasts]
        assert [row["score"]["MAE"] for row in each["forecasts"]] == [
            f.score.MAE for f in want.forecasts
        ]


def test_an_unknown_law_is_refused_with_the_nearest():
    result = run("laws", "chinchila")
    assert result.exit_code == 2
    assert "did you mean 'chinchilla'?" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("hidden", "arguments"), [("typer", []), ("rich", ["laws"]), ("matplotlib", ["demo"])]
)
def test_a_missing_extra_is_one_line_and_code_2(hidden, arguments, tmp_path):
    result = python(HIDDEN.format(hidden=hidden, arguments=arguments), cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    message = f"lawfit: {hidden} is not installed; run: pip install 'lawfit[cli]'\n"
    assert result.stderr == message


def test_require():
    assert require("json", extra="cli").__name__ == "json"
    with pytest.raises(MissingExtra, match=r"^no_such is not installed.*'lawfit\[cli\]'$"):
        require("no_such.module", extra="cli")


def test_require_passes_on_what_an_installed_module_lacks(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import something_else_entirely\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_entirely") as error:
        require("half_there", extra="cli")
    assert not isinstance(error.value, MissingExtra)


def test_importing_lawfit_needs_numpy_alone():
    code = "import lawfit, lawfit.cli, lawfit.plot, lawfit.report, sys; print(*sys.modules)"
    loaded = set(python(code).stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"typer", "rich", "matplotlib", "scipy", "pandas", "torch", "pytest"}


def test_an_interrupt_is_code_130():
    code = (
        "import lawfit.cli as cli, sys\n"
        "def interrupted():\n    raise KeyboardInterrupt\n"
        "cli._run = interrupted\n"
        "sys.exit(cli.main())"
    )
    result = python(code)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_output_a_terminal_cannot_show_is_replaced():
    shown = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    result = python(RUN, "demo", "--no-plot", env=shown)
    assert result.returncode == 0, result.stderr
    assert "Objective of the fit by ?" in result.stdout
