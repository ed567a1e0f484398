"""Where trusted libraries are silently wrong, lawfit says so: run with pytest -k A29, say."""

import numpy as np
import pytest

from bad_input_peers import CASES

cases = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.row}-{case.peer}-{k}" for k, case in enumerate(CASES)]
)


@cases
def test_lawfit_says_so(case):
    assert case.says in case.told()


@cases
def test_the_peer_is_silent(case):
    peer = pytest.importorskip(case.peer)
    if case.peer == "scipy":
        pytest.importorskip("scipy.optimize")
    silent = case.run()
    assert isinstance(silent, bool | np.bool_)
    if not peer.__version__.startswith(case.version):
        pytest.skip(f"measured with {case.peer} {case.version}, this is {peer.__version__}")
    assert silent, f"{case.peer} {peer.__version__} no longer: {case.does}"
