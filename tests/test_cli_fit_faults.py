"""The commands that read runs and fits in bad company: rows E34, E35 and E38 to E40."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cli_folder import RUN, fill, start
from lawfit._printable import printable

pytest.importorskip("typer")

posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and such names are POSIX's")
HOSTILE = "[red][bold]x\x1b]0;x\x07\u202e\n"
PLAN = ["--schedule", "constant steps=5000 peak=3e-3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = fill(tmp_path_factory.mktemp("faults"))
    done = start("fit", "runs", "--out", "fit.json", cwd=made)
    assert done.returncode == 0, done.stderr
    (made / "bad.csv").write_text("step,lr\n1,1\n2,1\n")
    return made


@pytest.fixture
def hostile(folder):
    path = folder / f"{HOSTILE}.csv"
    path.write_bytes((folder / "run.csv").read_bytes())
    yield path.name
    path.unlink()


@posix
def test_e38_names_of_runs_stay_text(folder, hostile):
    for arguments in (("fit", hostile, "--fix", "C=0.3"), ("predict", "fit.json", hostile)):
        done = start(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.replace("\n", "").isprintable()
        folded = "".join(line.split(" ")[0] for line in done.stdout.splitlines())
        assert printable(HOSTILE) in folded
        done = start(*arguments, "--json", cwd=folder)
        assert done.stdout.isascii()
        assert done.stdout.count("\n") == 1
        assert any(printable(HOSTILE) in printable(text) for text in texts(json.loads(done.stdout)))


def texts(value):
    """Yield every text in plain values."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", HOSTILE),
        ("fit", "runs", "--law", HOSTILE),
        ("fit", "runs", "--fix", f"{HOSTILE}=1"),
        ("fit", "runs", "--out", f"{HOSTILE}/fit.json"),
        ("predict", HOSTILE),
        ("predict", "fit.json", HOSTILE),
        ("predict", "fit.json", *PLAN, "--group", HOSTILE),
        ("predict", "fit.json", "--schedule", HOSTILE),
        ("predict", "sizes.json", "--set", HOSTILE),
        (
            "plan",
            "crossover",
            "power.json",
            "other.json",
            "--column",
            HOSTILE,
            "--low=1",
            "--high=2",
        ),
    ],
    ids=lambda arguments: " ".join(arguments[:1]),
)
def test_e38_names_in_refusals(arguments, folder):
    done = start(*arguments, cwd=folder)
    assert done.returncode in (1, 2, 3)
    assert done.stdout == ""
    assert done.stderr.replace("\n", "").isprintable(), ascii(done.stderr)
    assert "Traceback" not in done.stderr


@posix
def test_e34_a_link_for_a_fit_is_refused_before_the_work(folder):
    (folder / "link.json").symlink_to("target")
    done = start("fit", "nothing is read", "--out", "link.json", cwd=folder)
    message = "lawfit: link.json: is a symbolic link, which is not written through\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)
    assert not (folder / "target").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "runs"),
        ("design", "fit.json", "--steps", "10", "--peak", "1"),
        ("report", "fit.json"),
        ("demo",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_standard_output_is_no_file_to_write(arguments, folder):
    done = start(*arguments, "--out", "-", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--out: - is no file" in done.stderr
    assert not (folder / "-").exists()


@pytest.mark.parametrize(
    ("arguments", "kept", "said"),
    [
        # what a shell makes of --out runs/*.csv
        (
            ("fit", "--out", "runs/constant_4000.csv", "runs/cosine_4000.csv"),
            "runs/constant_4000.csv",
            "a log by its name",
        ),
        (("report", "fit.json", "run.csv", "--out", "run.csv"), "run.csv", "a log by its name"),
        (("report", "fit.json", "--out", "./fit.json"), "fit.json", "the fit that is read"),
        (
            ("design", "fit.json", "--steps", 10, "--peak", 1, "--out", "runs/../fit.json"),
            "fit.json",
            "the fit that is read",
        ),
    ],
    ids=["log", "data", "report", "design"],
)
def test_what_is_read_is_not_overwritten(arguments, kept, said, folder):
    before = (folder / kept).read_bytes()
    done = start(*arguments, cwd=folder, env={**os.environ, "COLUMNS": "200"})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"is there, and {said}" in done.stderr
    assert (folder / kept).read_bytes() == before


@posix
def test_e35_a_full_disk_keeps_the_old_fit(folder):
    (folder / "old.json").write_bytes(b"old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (999, 999));"
    done = start("fit", "runs", "--out", "old.json", code=limit + RUN, cwd=folder)
    assert (done.returncode, done.stderr) == (1, "lawfit: old.json: File too large\n")
    assert (folder / "old.json").read_bytes() == b"old"
    assert not list(folder.glob(".lawfit-*"))


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "runs"),
        ("fit", "runs", "--json"),
        ("predict", "fit.json", *PLAN),
        ("predict", "fit.json", "runs"),
        ("plan", "needed-for", "power.json", "--reducible", "0.1"),
        ("laws", "--json"),
    ],
    ids=" ".join,
)
def test_e39_a_reader_that_goes_away(arguments, folder):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == -signal.SIGPIPE  # 141 in a shell


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"TERM": "dumb"}, {"COLUMNS": "1"}]
)
def test_e39_terminals_that_can_do_little(environment, folder):
    environment = {**os.environ, **environment}
    for arguments in (("predict", "fit.json", "runs"), ("fit", "runs"), ("fit", "--help")):
        done = start(*arguments, cwd=folder, env=environment, encoding="latin-1")
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert done.stderr == ""


@posix
def test_e39_standard_input_that_is_closed(folder):
    command = f'exec "$0" -c "$1" predict - {" ".join(map(repr, PLAN))} <&-'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, RUN],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    want = (1, "", "lawfit: standard input: is closed\n")
    assert (done.returncode, done.stdout, done.stderr) == want


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("fit", "runs"), 0),
        (("fit",), 2),
        (("fit", "nothing.csv"), 1),
        (("fit", "bad.csv"), 3),
        (("fit", "runs/constant_4000.csv"), 4),
        (("predict", "fit.json", *PLAN), 0),
        (("predict", "fit.json"), 2),
        (("predict", "nothing.json", *PLAN), 1),
        (("predict", "run.csv", *PLAN), 3),
        (("predict", "/dev/zero", *PLAN), 3),
        (("plan", "nothing"), 2),
        (("plan", "compute-optimal", "sizes.json"), 2),
        (("plan", "compute-optimal", "fit.json", "--flops", "1e9"), 3),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_e40_codes(arguments, code, folder):
    done = start(*arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stderr == "") is (code == 0)


def test_more_memory_than_there_is_is_one_line_and_code_1(folder):
    arguments = ("plan", "compute-optimal", "sizes.json", "--flops", "1e20", "--draws", 10**15)
    done = start(*arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lawfit: out of memory: Unable to allocate")
    assert done.stderr.count("\n") == 1


@posix
def test_e40_ctrl_c_in_a_long_fit_is_code_130(folder):
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    loud = "import lawfit.cli.app; print('ready', flush=True);"  # importing takes most of the time
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code + loud + RUN, "fit", "runs", "--law",
         "multi_power", "--starts", "1000000", "--out", "never.json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    printed, error = process.communicate(timeout=60)
    assert (process.returncode, printed, error) == (130, "", "")
    assert not (folder / "never.json").exists()
