"""The command `lawfit watch`: what it prints where, its exit codes, Ctrl-C and a live terminal."""

import contextlib
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import event_file as ev
import lawfit as lf
from lawfit.io.schedule_text import read_schedule
from lawfit.watch import Watch
from watched_runs import PLANS, curve, lines

pytest.importorskip("typer")
from typer.testing import CliRunner

from lawfit.cli.app import app

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals are POSIX's")
# What a shell starts in the background ignores SIGINT, and so would its children.
RUN = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from lawfit.cli import main; sys.exit(main())"
)
PLAN = PLANS["wsd_4000"]
README = Path(__file__).resolve().parents[1] / "README.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DEADLINE = 60  # seconds, of a machine that does much else


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.csv"


def run(*arguments):
    arguments = map(str, ("watch", *arguments))
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "80", "NO_COLOR": "1"})


@contextlib.contextmanager
def start(*arguments, **options):
    command = [sys.executable, "-W", "error", "-c", RUN, "watch", *map(str, arguments)]
    with subprocess.Popen(command, **{"stderr": subprocess.PIPE, **options}) as process:
        try:
            yield process
        finally:
            process.kill()  # or a test that fails would wait for it


# Once


def test_once_says_how_things_are(path):
    path.write_text("".join(lines(until=3500)))
    done = run(path, "--once", "--schedule", PLAN, "--target", "1.55")
    assert done.exit_code == 0, done.output
    state = Watch(path, schedule=read_schedule(PLAN), target=1.55).refresh()
    final = state.final
    assert f"ends at {final.loss:.4g} (90 %: {final.lower:.4g}–{final.upper:.4g})" in done.stdout
    assert f"target {state.eta}" in done.stdout
    assert "law annealing; 140 points, 132 fitted; step 3499/4000" in done.stdout
    assert "GUESSED" not in done.stdout
    assert re.search(r"^ +\d\.\d+ \|[*^ ]+", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout


def test_a_guessed_rate_is_said_loudly(path):
    path.write_text("".join(lines(until=2000)))
    done = run(path, "--once", "--steps", 4000)
    assert done.exit_code == 0
    assert "GUESSED: the learning rate after step 1999 is held at its last value" in done.stdout


def test_an_open_end_gives_no_interval(path):
    path.write_text("".join(lines(until=2500)))
    done = run(path, "--once", "--schedule", PLAN)
    assert "where it ends is open: the points do not determine C (--prior, or points" in done.stdout
    assert "inf" not in done.stdout


def test_a_log_of_a_header_alone_has_no_step(path):
    path.write_text("step,loss,lr\n")
    done = run(path, "--once", "--steps", 4000)
    assert "0 points, 0 fitted; no step of 4000 yet\n" in done.stdout
    assert "no step yet\n" in run(path, "--once").stdout


def test_a_prior_and_what_it_is_worth(path, tmp_path):
    path.write_text("".join(lines(until=2500)))
    fit = lf.fit("annealing", [curve("cosine_4000"), curve("constant_4000")])
    (tmp_path / "fit.json").write_text(fit.to_json())
    done = run(path, "--once", "--schedule", PLAN, "--prior", tmp_path / "fit.json")
    assert done.exit_code == 0, done.output
    assert re.search(r"ends at 1\.\d+ \(90 %: .*\d+ % of it from the prior", done.stdout)
    assert re.search(r"decay from step \d+ \(anywhere from", done.stdout)


def test_json_is_what_the_state_holds(path):
    path.write_text("".join(lines(until=3500)))
    done = run(path, "--once", "--json", "--schedule", PLAN, "--level", 0.5, "--target", 1.5)
    state = Watch(path, schedule=read_schedule(PLAN), level=0.5, target=1.5).refresh()
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(json.dumps(state.to_dict()))
    assert done.stdout.count("\n") == 1


def test_a_trainer_s_state_needs_no_options(tmp_path):
    history = [{"step": 10 * k + 10, "loss": 5 - k / 9, "learning_rate": 1e-3} for k in range(9)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"log_history": history, "max_steps": 200}))
    done = run(path, "--once")
    assert done.exit_code == 0, done.output
    assert "(trainer state)" in done.stdout
    assert "step 89/200" in done.stdout


def test_event_files_in_a_folder(tmp_path):
    rows = [(k + 1, {"train/loss": 3 + (k + 1) ** -0.5, "lr": 1e-3}) for k in range(0, 90, 3)]
    (tmp_path / "events.out.tfevents.1").write_bytes(ev.scalars(rows))
    done = run(tmp_path, "--once", "--steps", 100, "--one-based")
    assert done.exit_code == 0, done.output
    assert "30 points, 30 fitted; step 87/100" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Invalid value for --steps: "),
        (["--schedule", "wsd steps=3"], "Invalid value for --schedule: schedule 'wsd': peak is"),
        (["--schedule", "nothing"], "Invalid value for --schedule: schedule 'nothing' is no file"),
        (["--law", "annealng"], "Invalid value for --law: "),
        (["--law", "chinchilla"], "Invalid value for --law: law 'chinchilla'"),
        (["--prior", "log.csv"], "Invalid value for --prior: "),
        (["--level", "1"], "Invalid value for --level: 1.0 is not between 0 and 1"),
        (["--target", "nan"], "Invalid value for --target: target is nan; expected a finite"),
        (["--target", "inf"], "Invalid value for --target: target is inf; expected a finite"),
        (["--steps", "9", "--schedule", PLAN], "for --steps: 9 are not the schedule's 4000"),
        (["--every", "0"], "Invalid value for '--every'"),
        (["--every", "inf"], "Invalid value for '--every'"),
        (["--steps", "0"], "Invalid value for '--steps'"),
    ],
)
def test_options_without_a_meaning_are_code_2(path, options, message, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.write_text("".join(lines(until=2000)))
    done = run(path, "--once", *options)
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step,loss\n1,2\n2,x\n", "line 3: loss is 'x'; expected a number"),
        ("step,loss\n1,2\n5000,1\n", "step"),
        ("step,train_loss,val_loss\n1,2,3\n", "several names are of a loss: 'train_loss', 'val_l"),
        ("step,\x1b[2J\n1,2\n", "no row has loss"),
        ("\x1b[2J,b\n1,2\n2,3\n", r"no column counts steps; the header has '\x1b[2J', 'b'"),
        ("a,b\n1,2\n2,3\n", "no column counts steps"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_bad_data_is_code_3_in_one_line(path, content, message, options):
    path.write_text(content)
    done = run(path, "--once", "--schedule", PLAN, *options)
    assert done.exit_code == 3, done.output
    assert done.stdout == ""
    assert done.stderr.startswith(f"lawfit: {path}: ")
    assert message in done.stderr
    assert done.stderr.rstrip("\n").isprintable()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_log_that_is_not_there_is_code_1_once(tmp_path, options):
    log = tmp_path / "log"
    with start(log, "--once", "--steps", 9, *options, stdout=subprocess.PIPE) as process:
        out, error = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (1, b"")
    assert error.decode() == f"lawfit: {tmp_path / 'log'}: no log there, or too little of one\n"


# Followed where lines go


class Reading:
    """What a process writes to a pipe or a terminal, as far as it was looked at."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.text = b""

    def until(self, pattern):
        """Read until a pattern was written; fail at the deadline."""
        end = time.monotonic() + DEADLINE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, self.text
            if select.select([self.descriptor], [], [], 0.1)[0]:
                read = self._read()
                assert read, self.text
        return self

    def rest(self):
        """Read to the end."""
        while select.select([self.descriptor], [], [], DEADLINE)[0]:
            if not self._read():
                return self.text
        raise AssertionError(self.text)

    def _read(self):
        try:
            read = os.read(self.descriptor, 65536)
        except OSError:  # a terminal without a process
            return b""
        self.text += read
        return read


@posix
def test_lines_follow_the_log_and_ctrl_c_prints_the_summary(path):
    with start(path, "--schedule", PLAN, "--every", 0.05, stdout=subprocess.PIPE) as process:
        out = Reading(process.stdout.fileno())
        out.until(rb"note: waiting for .*to be there\n")
        content = "".join(lines(until=3500))
        path.write_text(content[:-9])
        out.until(rb"step 3474/4000; loss 1\.\d+; ends at 1\.\d+ \(90 %: .*\)\n")
        out.until(rb"note: the last line has no end yet")
        with path.open("a") as file:
            file.write(content[-9:])
        out.until(rb"step 3499/4000; .*\n")
        process.send_signal(signal.SIGINT)
        text = out.rest().decode()
        assert process.wait(DEADLINE) == 130
        assert process.stderr.read() == b""
    assert "\x1b" not in text
    assert re.search(r"\n.*log\.csv  \(CSV\)\nlaw annealing; 140 points.*\nends at .*\n", text)
    assert text.count("step 3474/4000; loss") == 1


@posix
def test_it_ends_with_the_run(path):
    path.write_text("".join(lines()[:-1]))
    with start(path, "--schedule", PLAN, "--every", 0.05, "--json",
               stdout=subprocess.PIPE) as process:  # fmt: skip
        out = Reading(process.stdout.fileno()).until(rb'"step": 3974')
        with path.open("a") as file:
            file.write(lines()[-1])
        records = [json.loads(line) for line in out.rest().splitlines()]
        assert process.wait(DEADLINE) == 0
    assert [record["step"] for record in records] == [3974, 3999]


@posix
def test_data_that_turn_bad_end_it_with_code_3_after_the_summary(path):
    path.write_text("".join(lines(until=3500)))
    with start(path, "--schedule", PLAN, "--every", 0.05, stdout=subprocess.PIPE) as process:
        out = Reading(process.stdout.fileno()).until(rb"step 3499")
        with path.open("a") as file:
            file.write("3524,x,x\n")
        out.until(rb"law annealing; 140 points")
        assert process.wait(DEADLINE) == 3
        assert process.stderr.read().endswith(b"line 142: lr is 'x'; expected a number\n")


@posix
def test_a_reader_that_goes_away_ends_it_without_a_word(path):
    path.write_text("".join(lines(until=3500)))
    with start(path, "--schedule", PLAN, "--every", 0.05, stdout=subprocess.PIPE) as process:
        Reading(process.stdout.fileno()).until(rb"step 3499")
        process.stdout.close()
        with path.open("a") as file:
            file.write(lines()[141])
        assert process.wait(DEADLINE) == -signal.SIGPIPE
        assert process.stderr.read() == b""


# The live view


@contextlib.contextmanager
def on_terminal(*arguments, columns=100, rows=30):
    """A process with a terminal of its own, which Ctrl-C typed there reaches."""
    import fcntl  # noqa: PLC0415 - POSIX
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    code = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); " + RUN
    command = [sys.executable, "-W", "error", "-c", code, "watch", *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**environment, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours, Reading(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@posix
def test_the_live_view_is_drawn_over_and_leaves_the_summary(path):
    path.write_text("".join(lines(until=2000)))
    with on_terminal(path, "--schedule", PLAN, "--every", 0.05) as (process, keyboard, out):
        out.until(rb"step 1999/4000")
        path.write_text("".join(lines(until=3500)))
        out.until(rb"step 3499/4000(?s:.*?)\(90 %")
        os.write(keyboard, b"\x03")
        text = out.rest()
        assert process.wait(DEADLINE) == 130
    live, _, after = text.rpartition(b"\x1b[?1049l")
    assert live.startswith(b"\x1b[?1049h")  # the other screen, and back
    assert b"\x1b[2J" not in live.partition(b"step 1999")[2]  # drawn over, never cleared
    assert b"\x1b[?25h" in live.rpartition(b"\x1b[?25l")[2] + after  # the cursor is back
    assert b"\x1b" not in after
    assert re.search(rb"law annealing; 140 points.*\r\nends at 1\.\d+ \(90 %", after)


@posix
def test_a_terminated_live_view_gives_the_terminal_back(path):
    path.write_text("".join(lines(until=2000)))
    with on_terminal(path, "--schedule", PLAN) as (process, _, out):
        out.until(rb"step 1999/4000")
        process.terminate()
        text = out.rest()
        assert process.wait(DEADLINE) == 143
    assert b"\x1b[?1049l" in text


@posix
def test_a_small_terminal_gets_what_fits(path):
    path.write_text("".join(lines(until=3500)))
    with on_terminal(path, "--schedule", PLAN, columns=30, rows=8) as (process, keyboard, out):
        out.until(rb"ends at 1\.\d+")
        os.write(keyboard, b"\x03")
        out.rest()
        assert process.wait(DEADLINE) == 130


# README


def test_readme_shows_what_it_prints(tmp_path, monkeypatch):
    block = re.search(
        r"```console\n\$ lawfit (watch .*?)\"\n(.*?)```", README.read_text("utf-8"), re.S
    )
    arguments = shlex.split(block[1].replace("\\\n", "") + '"')
    monkeypatch.chdir(tmp_path)
    smaller = lf.samples.curves(params=25152)[["constant_4000", "cosine_4000"]]
    Path("smaller.json").write_text(lf.fit("annealing", smaller).to_json())
    run_ = lf.samples.curves(params=56160)["wsd_4000"].until(2400)
    rows = zip(run_.steps.tolist(), run_.loss.tolist(), strict=True)
    Path("run.csv").write_text("step,loss\n" + "".join(f"{s},{loss!r}\n" for s, loss in rows))
    printed = run(*arguments[1:]).stdout

    def words_and_numbers(text):
        said = "\n".join(line for line in text.splitlines() if "|" not in line)
        return NUMBER.split(said), [float(x) for x in NUMBER.findall(said)]

    words, numbers = words_and_numbers(printed)
    shown, expected = words_and_numbers(block[2])
    assert words == shown
    assert numbers == pytest.approx(expected, rel=0.02)
    assert printed.count("|") == block[2].count("|")
