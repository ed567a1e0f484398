"""Fuzz one reader, guided by coverage: run.py NAME [libFuzzer's options and corpora].

NAME is that of a file target_NAME.py beside this one, which a new reader adds: `target(data)` reads
bytes and raises where a promise is broken, `seeds()` yields names and inputs to begin with.
With `--seeds DIRECTORY` these are written there instead.
"""

import importlib
import sys
import warnings
from pathlib import Path

import atheris
from promises import within


def _write_seeds(module, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in module.seeds():
        (directory / name).write_bytes(data)


def main():
    """Instrument the library, import the target, hand it to libFuzzer."""
    name, *rest = sys.argv[1:]
    with atheris.instrument_imports(include=["lawfit"]):
        module = importlib.import_module(f"target_{name}")
    if rest[:1] == ["--seeds"]:
        _write_seeds(module, Path(rest[1]))
        return

    warnings.simplefilter("error")

    def once(data):
        with within():
            module.target(data)

    module.target(b"")  # what is made once takes its time
    atheris.Setup([sys.argv[0], *rest], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
