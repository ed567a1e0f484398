"""Figures F1 to F12 of reliability: what each must be, what it is here, what others reach.

python bench/reliability.py [F1 F4 ...] [--full] [--no-peers] [--json FILE]

Peers that are not installed are left out and named. `--full` runs every count at its full length,
which takes hours for the fuzzers; without it each is cut short and says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import lawfit as lf
from bench.figures import Figure, Measure, Plan, checks, hard_starts, nist, runs
from bench.figures.fitters import FITTERS, version

MEASURES: dict[tuple[str, ...], Measure] = {
    ("F1", "F2", "F3"): nist.measure,
    ("F4",): hard_starts.measure_mgh,
    ("F5",): hard_starts.measure_huber,
    ("F6",): runs.measure_bits,
    ("F7",): runs.measure_areas,
    ("F8",): checks.measure_sanitizers,
    ("F9",): checks.measure_fuzzers,
    ("F10",): checks.measure_catalogue,
    ("F11",): runs.measure_signals,
    ("F12",): runs.measure_forks,
}
WIDTH = 24


def measured(plan: Plan, wanted: set[str]) -> list[Figure]:
    found = []
    for ids, measure in MEASURES.items():
        if wanted and not wanted & set(ids):
            continue
        begin = time.perf_counter()
        figures = measure(plan)
        seconds = round(time.perf_counter() - begin, 1)
        found += [replace(f, seconds=seconds) for f in figures if not wanted or f.id in wanted]
        for figure in found[-len(figures) :]:
            show(figure)
    return found


def show(figure: Figure) -> None:
    verdict = {True: "met", False: "NOT MET", None: "not measured"}[figure.met]
    print(f"\n{figure.id}: {figure.title}  [{verdict}; {figure.seconds} s]")
    print(f"  {'must':{WIDTH}} {figure.must}")
    print(f"  {'lawfit':{WIDTH}} {figure.measured}")
    for peer in figure.peers:
        print(f"  {peer.name:{WIDTH}} {peer.result}", flush=True)


def installed() -> dict[str, str]:
    return {f.name.removesuffix(", tuned"): version(f) for f in FITTERS}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="F", help="F1 ... F12; all if none")
    parser.add_argument("--full", action="store_true", help="every count at its full length")
    parser.add_argument("--no-peers", action="store_true", help="lawfit alone")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    options = parser.parse_args()
    known = [figure for ids in MEASURES for figure in ids]
    if unknown := sorted(set(options.figures) - set(known)):
        parser.error(f"unknown figure {unknown[0]}; there are {', '.join(known)}")

    peers = {} if options.no_peers else installed()
    print(f"lawfit {lf.__version__}, {lf.build_info()}")
    print("peers:", ", ".join(f"{n} {v or '(not installed)'}" for n, v in peers.items()) or "none")
    figures = measured(Plan(options.full, not options.no_peers), set(options.figures))
    if options.json:
        record = {
            "lawfit": lf.__version__,
            "build": lf.build_info(),
            "peers": peers,
            "full": options.full,
            "figures": [asdict(f) for f in figures],
        }
        options.json.write_text(json.dumps(record, indent=1, default=str) + "\n")
    missed = [f.id for f in figures if f.met is False]
    print(f"\n{sum(f.met is True for f in figures)} of {len(figures)} met", *missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
