"""Where the data that tests compare with lie: beside the project, if at all."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared(*parts: str) -> Path:
    """Return a file or folder of the shared data, or skip the test that asks for it."""
    path = Path(os.environ.get("LAWFIT_SHARED_DATA", BESIDE)).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data not found: {path} (set LAWFIT_SHARED_DATA to its folder)")
    return path
