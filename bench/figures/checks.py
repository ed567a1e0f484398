"""F8 to F10: what the project's own checks find, each run as they are."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

from bad_input_catalogue import NOT_APPLICABLE, ROWS, named_tests, rows_named
from bad_input_peers import CASES
from bench.figures import TESTS, Figure, Peer, Plan

ROOT = Path(__file__).resolve().parents[2]


def run_check(script: str, plan: Plan) -> tuple[bool, str]:
    """Run a script of .ci, in its short form unless all is wanted, and return what it printed."""
    command = [str(ROOT / ".ci" / script), *([] if plan.full else ["short"])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def measure_sanitizers(plan: Plan) -> list[Figure]:
    passed, said = run_check("sanitize", plan)
    sections = re.findall(r"^=== +\d+ s +(.*)$", said, re.M)
    form = "" if plan.full else "short form: "
    return [
        Figure(
            "F8",
            "ASan + UBSan over the whole suite, TSan over the parallel tests",
            "0 reports, and every seeded fault is caught",
            f"{form}{'0 reports' if passed else 'FAILED'}; {'; '.join(sections)}",
            passed,
            details={"end": said[-2000:]},
        )
    ]


def measure_fuzzers(plan: Plan) -> list[Figure]:
    passed, said = run_check("fuzz", plan)
    counts = re.findall(r"^(\w+): (\d+) executions", said, re.M)
    form = "" if plan.full else "short form: "
    met = passed and bool(counts) if plan.full else (None if passed else False)
    return [
        Figure(
            "F9",
            "coverage-guided fuzzing of each parser, random programs through the solver",
            "1e7 executions a parser, 1e6 solves; no crash, no hang, no untyped error",
            form + (", ".join(f"{name} {int(n):.3g}" for name, n in counts) or said[-300:]),
            met,
            details={"end": said[-2000:]},
        )
    ]


def outcomes() -> dict[str, list[tuple[str, str]]]:
    """Run the catalogue's tests and return name and outcome of each, by row."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        wanted = sorted({str(TESTS / test) for _, test in named_tests()})
        # The newer family of reports refuses the properties that some tests record.
        asked = ["-q", "-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *asked, *wanted]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not report.exists():
            raise RuntimeError(
                f"pytest wrote no report:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        cases = ET.parse(report).getroot().iter("testcase")
        found = defaultdict(list)
        for case in cases:
            name = case.get("name") or ""
            kinds = {child.tag for child in case}
            outcome = next((k for k in ("failure", "error", "skipped") if k in kinds), "passed")
            for row in rows_named(name):
                found[row].append((name, outcome))
    return found


def measure_catalogue(plan: Plan) -> list[Figure]:
    found = outcomes()
    verdicts = {row: verdict(row, found[row]) for row in ROWS}
    width = max(map(len, ROWS.values()))
    for row, about in ROWS.items():
        print(f"  {row}  {about:{width}}  {verdicts[row]}")
    passed = sum(v.startswith("passed") for v in verdicts.values())
    apart = sum(row in NOT_APPLICABLE for row in ROWS)
    shown = {(case.peer, case.row) for case in CASES if find_spec(case.peer) and case.run()}
    silent = {peer: sorted(row for other, row in shown if other == peer) for peer, _ in shown}
    failed = len(ROWS) - passed - apart
    return [
        Figure(
            "F10",
            f"the catalogue of bad input, {len(ROWS)} rows",
            "all",
            f"{passed} passed, {apart} do not apply, {failed} fail or lack a test",
            failed == 0,
            tuple(
                Peer(name, f"silently wrong in {', '.join(rows)}")
                for name, rows in sorted(silent.items())
            ),
            {"rows": verdicts},
        )
    ]


def verdict(row: str, tests: list[tuple[str, str]]) -> str:
    if row in NOT_APPLICABLE:
        return f"does not apply: {NOT_APPLICABLE[row]}"
    bad = [name for name, outcome in tests if outcome in ("failure", "error")]
    ran = sum(outcome == "passed" for _, outcome in tests)
    if bad or not ran:
        return f"FAILED: {', '.join(bad) or 'no test ran'}"
    return f"passed, {ran} tests"
