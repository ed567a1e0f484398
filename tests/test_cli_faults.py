"""The command line in bad company: rows E34, E35 and E38 to E40 of the catalogue."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lawfit._printable import printable

pytest.importorskip("typer")
matplotlib = pytest.importorskip("matplotlib")

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes are POSIX's")
RUN = "import sys; from lawfit.cli import main; sys.exit(main())"


def lawfit(*arguments, **options):
    how = {"capture_output": True, "text": True, "timeout": 120, **options}
    command = [sys.executable, "-W", "error", "-c", RUN, *arguments]
    return subprocess.run(command, check=False, **how)


# E38: names


@posix
@pytest.mark.parametrize("name", ["\x1b]0;x\x07\n\u202e", "[/][bold]x[red"])
def test_e38_arguments_of_the_command(name, tmp_path):
    for arguments in (("laws", name), ("demo", "--out", f"{name}/b"), ("demo", "--size", name)):
        done = lawfit(*arguments, cwd=tmp_path)
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        assert done.stderr.replace("\n", "").isprintable(), ascii(done.stderr)
        assert "Traceback" not in done.stderr
        if "--size" not in arguments:
            text = " ".join(done.stderr.replace("│", " ").split())
            assert printable(name) in text


def test_e38_a_picture_s_name_is_printed_on_one_line(tmp_path):
    name = "\x1b]0;x\x07.png"
    done = lawfit("demo", "--out", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Picture: \\x1b]0;x\\x07.png (25152 parameters)\n")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


# E34, E35 at the command


@posix
def test_e34_a_link_for_a_picture_is_refused_before_the_work(tmp_path):
    (tmp_path / "lawfit_demo.png").symlink_to("target")
    done = lawfit("demo", cwd=tmp_path)
    message = "lawfit: lawfit_demo.png: is a symbolic link, which is not written through\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)
    assert not (tmp_path / "target").exists()
    assert lawfit("demo", "--no-plot", cwd=tmp_path).returncode == 0


@posix
def test_e35_a_full_disk_keeps_the_old_picture(tmp_path):
    (tmp_path / "lawfit_demo.png").write_bytes(b"old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999));"
    done = subprocess.run(
        [sys.executable, "-c", limit + RUN, "demo"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "MPLCONFIGDIR": matplotlib.get_configdir()},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.endswith("lawfit: lawfit_demo.png: File too large\n")
    assert [(e.name, e.read_bytes()) for e in tmp_path.iterdir()] == [("lawfit_demo.png", b"old")]


# E39: where its output goes


@posix
@pytest.mark.parametrize("command", [["laws"], ["--help"], ["--version"]])
def test_e39_a_reader_that_goes_away(command):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == -signal.SIGPIPE  # 141 in a shell


@posix
def test_e39_the_first_line_of_many():
    shell = f"set -o pipefail; '{sys.executable}' -W error -c '{RUN}' laws | head -n 1"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 141)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "dumb"},
        {"COLUMNS": "1"},
    ],
)
@pytest.mark.parametrize("command", [["laws"], ["laws", "λ"]])
def test_e39_terminals_that_can_do_little(command, environment):
    done = lawfit(*command, env={**os.environ, **environment}, encoding="latin-1")
    assert done.returncode == (2 if command[-1] == "λ" else 0)
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_e39_streams_that_are_closed(closed):
    for command, code in (("laws", 0), ("laws nothing", 2)):
        shell = f"'{sys.executable}' -c '{RUN}' {command} {closed}"
        done = subprocess.run(
            ["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


# E40: codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("laws",), 0),
        (("laws", "power"), 0),
        (("demo", "--no-plot"), 0),
        (("nothing",), 2),
        (("--nothing",), 2),
        (("laws", "nothing"), 2),
        (("laws", "power", "more"), 2),
        (("demo", "--size", "many"), 2),
        (("demo", "--out"), 2),
    ],
)
def test_e40_codes(arguments, code, tmp_path):
    done = lawfit(*arguments, cwd=tmp_path)
    assert done.returncode == code
    silent, spoken = (done.stderr, done.stdout) if code == 0 else (done.stdout, done.stderr)
    assert silent == ""
    assert spoken
    assert not list(Path(tmp_path).iterdir())


@posix
def test_e40_ctrl_c_is_code_130(tmp_path):
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    loud = "import lawfit.cli.app; print('ready', flush=True);"  # importing takes most of the time
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code + loud + RUN, "demo"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "")
    assert not re.search("Picture", printed)
    assert not list(tmp_path.iterdir())
