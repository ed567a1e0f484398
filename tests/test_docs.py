"""The pages that are written from the code are up to date."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_of_laws_is_up_to_date():
    if not DOCS.is_dir():
        pytest.skip("the docs are not here")
    page = runpy.run_path(str(DOCS / "generate_laws.py"))["page"]
    written = (DOCS / "laws.md").read_text(encoding="utf-8")
    assert written == page(), "run: python docs/generate_laws.py"
