"""The gallery prints what is committed and draws. UPDATE_GOLDEN=1 brings it up to date."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib.image import imread

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"


def test_there_is_a_gallery():
    assert len(SCRIPTS) >= 4
    assert sorted(GALLERY.glob("*.txt")) == [s.with_suffix(".txt") for s in SCRIPTS]
    index = (GALLERY / "README.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        assert len(script.read_text(encoding="utf-8").splitlines()) < 60
        assert f"]({script.name})" in index


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_gallery(script, tmp_path):
    copy = Path(shutil.copy(script, tmp_path))
    done = subprocess.run(
        [sys.executable, "-W", "error", copy.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    picture, shown = copy.with_suffix(".png"), script.with_suffix(".txt")
    if UPDATE:
        shown.write_text(done.stdout, encoding="utf-8")
        shutil.copy(picture, GALLERY)
    assert done.stdout == shown.read_text(encoding="utf-8")
    pixels = imread(picture)
    assert min(pixels.shape[:2]) > 300
    # ink on a fair share of rows and columns: lines and axes, not a frame or a speck
    ink = np.ptp(pixels[..., :3], axis=2) + (1 - pixels[..., :3].mean(axis=2)) > 0.2
    assert ink.any(axis=1).mean() > 0.7
    assert ink.any(axis=0).mean() > 0.7
    assert 0.005 < ink.mean() < 0.5
