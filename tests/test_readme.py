"""README shows what its code prints. ``python tests/test_readme.py`` brings it up to date."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

import pytest

import lawfit as lf
from cli_folder import RUN, fill
from lawfit import laws, samples
from lawfit.demo import FITTED, LAMBDAS, SKIPPED

README = Path(__file__).resolve().parents[1] / "README.md"
PYTHON = re.compile(r"```python\n(?P<code>.*?)```\n(?P<shown>\n```text\n.*?```\n)?", re.DOTALL)
DEMO = re.compile(r"```console\n\$ lawfit demo\n.*?```\n", re.DOTALL)
CONSOLE = re.compile(r"```console\n(?P<lines>\$ lawfit (?!demo|watch).*?)```\n", re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>(?:[^\n]*\\\n)*[^\n]*)\n", re.MULTILINE)
ENVIRONMENT = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# wall times, and how many starts were merged before they had run to their end
VARYING = ("time of the fit", " starts agree ")


def filled(readme):
    """Return README with the output of its code as it is now."""
    names = {}

    def block(match):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(match["code"], names)
        shown = f"\n```text\n{printed.getvalue()}```\n" if match["shown"] else ""
        return f"```python\n{match['code']}```\n{shown}"

    readme = PYTHON.sub(block, readme)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))

        def session(match):
            commands = COMMAND.findall(match["lines"])
            shown = (f"$ {command}\n{printed(folder, command)}" for command in commands)
            return f"```console\n{''.join(shown)}```\n"

        readme = CONSOLE.sub(session, readme)
    return DEMO.sub(lambda _: f"```console\n$ lawfit demo\n{demo()}```\n", readme)


def demo():
    """Return what `lawfit demo` prints."""
    with tempfile.TemporaryDirectory() as folder:
        return printed(folder, "lawfit demo")


def printed(folder, command):
    """Return what a shell's command prints in a folder."""
    done = subprocess.run(
        ["bash", "-c", f'lawfit() {{ "$PYTHON" -c "$CODE" "$@"; }}; {command}'],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "PYTHON": sys.executable, "CODE": RUN},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def last_digit(number):
    """Return one unit in the last digit of a printed number."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def agree(shown, printed):
    """Say whether two lines agree but for the last digits of numbers, which machines may round."""
    if any(words in shown and words in printed for words in VARYING):
        return True
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(
        float(a) == pytest.approx(float(b), rel=1e-6, abs=1.5 * max(map(last_digit, (a, b))))
        for a, b in pairs
    )


def test_readme_shows_what_its_code_prints():
    pytest.importorskip("typer")
    pytest.importorskip("matplotlib")
    readme = README.read_text(encoding="utf-8")
    assert len(PYTHON.findall(readme)) >= 5
    assert DEMO.search(readme)
    assert len(CONSOLE.findall(readme)) >= 4
    lines = zip_longest(readme.splitlines(), filled(readme).splitlines(), fillvalue="")
    assert [pair for pair in lines if not agree(*pair)] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("C=0.269934 of 3", "C=0.269935 of 3", True),
        ("C=0.269934 of 3", "C=0.269954 of 3", False),
        ("C=0.2699", "C=0.2699, lam=0.99", False),
        ("error -0.0000", "error  +0.0001", True),
        ("x 7.6290e-04", "x 7.6310e-04", False),
        ("time of the fit 9 ms", "time of the fit 21 ms", True),
    ],
)
def test_agree(shown, printed, same):
    assert agree(shown, printed) is same


def test_readme_says_what_leaving_out_the_warmup_alone_costs():
    errors = []
    for params in samples.sizes():
        curves = samples.curves(params)
        for skipped in (200, SKIPPED):
            fit = lf.fit(
                laws.annealing, curves[[*FITTED]], profile={"lam": LAMBDAS}, skip_steps=skipped
            )
            errors.append(
                f"{fit.score(curves['cosine_8000'].skip(SKIPPED))['cosine_8000'].MAE:.3f}"
            )
    short, long = ("{}, {} and {}".format(*errors[first::2]) for first in (0, 1))
    text = " ".join(README.read_text(encoding="utf-8").split())
    assert f"MAE {short} for the three sizes instead of {long}." in text


def test_picture_is_there_and_small():
    picture = README.parent / "docs" / "demo.png"
    assert "](docs/demo.png)" in README.read_text(encoding="utf-8")
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert picture.stat().st_size < 200_000


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
