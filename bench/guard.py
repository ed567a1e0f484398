"""Count the instructions of fixed jobs of the core, and refuse a change of more than 5 %.

    python bench/guard.py check
    python bench/guard.py update --reason "Sums of loss drops skip flat stretches"

Times swing with the machine; instructions that valgrind counts do not. The jobs are guard.cpp's:
serial, without an interpreter, data from an integer generator, vectors of AVX2 (valgrind has no
AVX-512), counted from the job's first instruction to its last. Valgrind shows every program the
same CPU, so libc picks the same code on any machine that has AVX2. What is left is the compiler and
libc: where they are not those of the baseline, counts say nothing and `check` says so instead of
comparing. The baseline is the last record of guard_baseline.json; the others are its history. A
job that got faster fails too, so that the gain is written down and cannot be lost unseen.
Instructions are not time (a division counts like an addition): kernels.cpp times.

Needs CMake, a C++ compiler and valgrind; `--executable` names a guard built before.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "bench" / "guard_baseline.json"
TOLERANCE = 0.05
# All that the jobs see of the environment. Valgrind counts a repeated string instruction once a
# byte, which no machine takes so long for, so memset and memcpy are told to do without.
NO_STRINGS = (
    "glibc.cpu.x86_rep_stosb_threshold=1000000000:glibc.cpu.x86_rep_movsb_threshold=1000000000"
)
ENVIRONMENT = {"LAWFIT_SIMD": "avx2", "LD_BIND_NOW": "1", "GLIBC_TUNABLES": NO_STRINGS}

Counts = dict[str, int]
Toolchain = dict[str, str | bool]


class CountError(Exception):
    """Counting is not possible here."""


def output(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Return what a command says on stdout and stderr."""
    done = subprocess.run(
        command,
        check=False,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise CountError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(directory: Path) -> Path:
    options = ["-DBENCH=ON", "-DBINDINGS=OFF", "-DOPENMP=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    jobs = str(os.cpu_count() or 1)
    output(["cmake", "-S", str(ROOT), "-B", str(directory), *options])
    output(["cmake", "--build", str(directory), "--parallel", jobs, "--target", "guard"])
    return directory / "bench" / "guard"


def count(executable: Path) -> Counts:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError("valgrind is not installed: apt-get install valgrind")
    callgrind = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    counts = {}
    for job in output([str(executable), "--list"], ENVIRONMENT).split():
        said = output([*callgrind, "--toggle-collect=run_job", str(executable), job], ENVIRONMENT)
        counts[job] = collected(said)
    return counts


def collected(said: str) -> int:
    """Return callgrind's total."""
    found = re.search(r"Collected\s*:\s*(\d+)", said)
    if found is None or int(found[1]) == 0:
        raise CountError(f"callgrind counted nothing:\n{said}")
    return int(found[1])


def difference(baseline: Toolchain, toolchain: Toolchain) -> str:
    """Tell what makes two toolchains' counts incomparable, or nothing."""
    return ", ".join(
        f"{key} {toolchain.get(key)} (the baseline's: {baseline.get(key)})"
        for key in sorted(baseline.keys() | toolchain.keys())
        if baseline.get(key) != toolchain.get(key)
    )


def complaints(baseline: Counts, counts: Counts, tolerance: float = TOLERANCE) -> list[str]:
    """List what `counts` must not have done to the baseline."""
    found = [f"{job}: the baseline does not know it" for job in counts.keys() - baseline.keys()]
    found += [f"{job}: not counted any more" for job in baseline.keys() - counts.keys()]
    for job in baseline.keys() & counts.keys():
        was, now = baseline[job], counts[job]
        if abs(now - was) > tolerance * was:
            found.append(f"{job}: {now / was - 1:+.1%}, from {was:,} to {now:,} instructions")
    return sorted(found)


def table(baseline: Counts, counts: Counts) -> str:
    lines = [f"{'job':20} {'baseline':>14} {'now':>14}   change"]
    for job, now in counts.items():
        was = baseline.get(job)
        change = f"{now / was - 1:+8.2%}" if was else "     new"
        lines.append(f"{job:20} {was or 0:14,} {now:14,} {change}")
    return "\n".join(lines)


def check(records: list[dict[str, Any]], toolchain: Toolchain, counts: Counts) -> int:
    last = records[-1]
    print(table(last["instructions"], counts))
    if why := difference(last["toolchain"], toolchain):
        print(f"NOT COMPARED, counts of another toolchain differ: {why}")
        return 0
    found = complaints(last["instructions"], counts)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print(
            f"A change of more than {TOLERANCE:.0%} is undone, or explained and recorded:\n"
            '    python bench/guard.py update --reason "why"',
            file=sys.stderr,
        )
    return 1 if found else 0


def update(
    records: list[dict[str, Any]], toolchain: Toolchain, counts: Counts, reason: str
) -> None:
    if records:
        print(table(records[-1]["instructions"], counts))
    records.append({"reason": reason, "toolchain": toolchain, "instructions": counts})
    BASELINE.write_text(json.dumps(records, indent=2) + "\n")
    print(f"recorded in {BASELINE.relative_to(ROOT)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("check", "compare with the baseline"), ("update", "make a new baseline")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--executable", type=Path, help="a guard built before")
        if name == "update":
            command.add_argument("--reason", required=True, help="why the counts have changed")
    given = parser.parse_args()
    if given.command == "update" and not given.reason.strip():
        parser.error("a new baseline needs a reason")
    return given


def main() -> int:
    given = arguments()
    records = json.loads(BASELINE.read_text()) if BASELINE.exists() else []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            executable = (given.executable or build(Path(scratch))).resolve()
            toolchain = json.loads(output([str(executable), "--toolchain"], ENVIRONMENT))
            counts = count(executable)
        except CountError as error:
            print(f"guard: {error}", file=sys.stderr)
            return 2
    if given.command == "update":
        update(records, toolchain, counts, given.reason.strip())
        return 0
    return check(records, toolchain, counts)


if __name__ == "__main__":
    sys.exit(main())
