"""bench/guard.py: what it makes of counts. Counting itself needs valgrind and is CI's."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[1] / "bench" / "guard.py"
SPEC = importlib.util.spec_from_file_location("guard", PATH)
guard = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(guard)

TOOLCHAIN = {"compiler": "GCC 12.2.0", "libc": "glibc 2.36"}
COUNTS = {"fit": 1000, "areas": 2_000_000}


def record(**changes):
    return {"reason": "first", "toolchain": TOOLCHAIN, "instructions": COUNTS, **changes}


@pytest.mark.parametrize("fit", [950, 999, 1000, 1050])
def test_up_to_five_percent_passes(fit):
    assert guard.complaints(COUNTS, COUNTS | {"fit": fit}) == []


@pytest.mark.parametrize(("fit", "says"), [(1051, "+5.1%"), (949, "-5.1%"), (2000, "+100.0%")])
def test_more_fails_in_either_direction(fit, says):
    (line,) = guard.complaints(COUNTS, COUNTS | {"fit": fit})
    assert line == f"fit: {says}, from 1,000 to {fit:,} instructions"


def test_one_job_cannot_make_up_for_another():
    lines = guard.complaints(COUNTS, {"fit": 1100, "areas": 1_800_000})
    assert [line.split(":")[0] for line in lines] == ["areas", "fit"]


def test_jobs_must_be_the_same():
    lines = guard.complaints(COUNTS, {"fit": 1000, "drops": 5})
    assert lines == ["areas: not counted any more", "drops: the baseline does not know it"]


def test_check_fails_and_says_what_to_do(capsys):
    assert guard.check([record()], TOOLCHAIN, COUNTS) == 0
    assert guard.check([record()], TOOLCHAIN, COUNTS | {"fit": 1200}) == 1
    error = capsys.readouterr().err
    assert "fit: +20.0%" in error
    assert "update --reason" in error


def test_check_holds_to_the_last_record():
    records = [record(), record(instructions=COUNTS | {"fit": 1200})]
    assert guard.check(records, TOOLCHAIN, COUNTS | {"fit": 1200}) == 0
    assert guard.check(records, TOOLCHAIN, COUNTS) == 1


def test_another_toolchain_is_not_compared_and_named(capsys):
    assert guard.check([record()], TOOLCHAIN | {"libc": "glibc 2.41"}, COUNTS | {"fit": 1}) == 0
    assert (
        "NOT COMPARED, counts of another toolchain differ: "
        "libc glibc 2.41 (the baseline's: glibc 2.36)" in capsys.readouterr().out
    )


def test_update_keeps_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "BASELINE", tmp_path / "guard_baseline.json")
    monkeypatch.setattr(guard, "ROOT", tmp_path)
    records = [record()]
    guard.update(records, TOOLCHAIN, COUNTS | {"fit": 700}, "fewer sums")
    written = guard.json.loads(guard.BASELINE.read_text())
    assert [entry["reason"] for entry in written] == ["first", "fewer sums"]
    assert guard.check(written, TOOLCHAIN, COUNTS | {"fit": 700}) == 0


def test_what_callgrind_says_is_read():
    assert guard.collected("==1== Events    : Ir\n==1== Collected : 2024992\n") == 2024992


@pytest.mark.parametrize("said", ["==1== Collected : 0\n", "==1== Command: guard\n"])
def test_a_count_of_nothing_is_no_count(said):
    with pytest.raises(guard.CountError, match="counted nothing"):
        guard.collected(said)


def test_the_committed_baseline_is_whole():
    records = guard.json.loads(guard.BASELINE.read_text())
    assert all(entry["reason"] and entry["toolchain"] for entry in records)
    assert len(records[-1]["instructions"]) == 5
    assert all(counted > 0 for counted in records[-1]["instructions"].values())
