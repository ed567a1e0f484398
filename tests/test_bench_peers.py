"""The bench of other solvers: its objectives are what they say, and a run ends in a table."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from shared_data import shared

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "peers").is_dir():
    pytest.skip("the bench is not here", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from bench.peers import driver, report  # noqa: E402
from bench.peers.plan import Plan  # noqa: E402
from bench.peers.problems import Annealing, Chinchilla  # noqa: E402
from bench.peers.results import tabulate  # noqa: E402
from bench.peers.timing import Contestant, measure  # noqa: E402

RNG = np.random.default_rng(0)
PARAMS = {
    Chinchilla: {"A": 400.0, "B": 2000.0, "E": 1.8, "alpha": 0.34, "beta": 0.36},
    Annealing: {"L0": 2.6, "A": 0.4, "C": 0.4, "alpha": 0.5},
}


def problem(kind):
    """Rows of which some residuals are within delta and some beyond."""
    x1, x2 = RNG.uniform(1, 3, 30), RNG.uniform(0, 2, 30)
    if kind is Chinchilla:
        x1, x2 = x1 + 15, x2 + 20
    exact = kind(x1, x2, np.zeros(30))
    clean = exact.log_f(exact.encode(PARAMS[kind]))
    return kind(x1, x2, clean + RNG.normal(0, 1e-3, 30), RNG.uniform(0.5, 3, 30))


@pytest.mark.parametrize("kind", PARAMS)
@pytest.mark.parametrize("centred", [False, True])
def test_residuals_gradient_and_jacobian_are_of_one_objective(kind, centred):
    given = problem(kind)
    view = given.centred() if centred else given
    theta = view.encode(PARAMS[kind]) * (1 + 1e-5)
    value, residuals = view.objective(theta), view.residuals(theta)
    assert value == pytest.approx(given.objective(given.encode(view.decode(theta))), rel=1e-9)
    assert 0.5 * residuals @ residuals == pytest.approx(value, rel=1e-12)
    jacobian = view.jacobian(theta)
    assert jacobian.T @ residuals == pytest.approx(view.gradient(theta), rel=1e-9)
    numeric = approx_fprime(theta, view.residuals, 1e-9)
    assert jacobian == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_parameters_survive_the_centring():
    for kind, params in PARAMS.items():
        view = problem(kind).centred()
        assert view.decode(view.encode(params)) == pytest.approx(params, rel=1e-12)


def test_a_quick_run_reaches_the_objective_and_writes_its_tables(tmp_path, capsys):
    shared("chinchilla", "points.csv")
    paths = tmp_path / "table.json", tmp_path / "table.md"
    how = ["--json", str(paths[0]), "--markdown", str(paths[1])]
    driver.main(["J1a", "--quick", "--peers", "scipy_peers", *how])
    written = json.loads(paths[0].read_text())
    assert set(written) == {"machine", "solved_within", "jobs"}
    assert {"cpu", "versions", "build_info"} <= set(written["machine"])
    (table,) = written["jobs"]
    assert table["job"] == "J1a"
    assert table["reference"] == 1.018274018e-3
    rows = {(row["peer"], row["setting"]): row for row in table["rows"]}
    assert table["rows"][0]["peer"] == "lawfit"
    good = [("lawfit", "fit"), ("scipy lm", "tuned"), ("scipy trf huber", "tuned")]
    for name in good:
        assert rows[name]["objective"] == pytest.approx(1.018274018e-3, rel=1e-9)
        assert rows[name]["solved"] == 1
        assert rows[name]["calls"] >= 1
    assert rows["scipy L-BFGS-B", "default"]["solved"] == 0  # it stops early
    shown = capsys.readouterr().out
    for peer, _ in rows:
        assert f"| {peer} |" in paths[1].read_text()
        assert peer in shown


@pytest.mark.parametrize("job", ["J1b", "J1c", "J2a", "J2b", "J2c", "J2d", "J4"])
def test_lawfit_alone_does_every_job(job, tmp_path):
    shared("chinchilla", "points.csv")
    path = tmp_path / "table.json"
    driver.main([job, "--quick", "--peers", "--json", str(path)])  # which checks objectives
    for table in json.loads(path.read_text())["jobs"]:
        rows = [row for row in table["rows"] if row["peer"] == "lawfit"]
        assert rows
        for row in rows:
            assert row["scored"] or job == "J2a"
            if not row["exact"]:  # the anchored forecaster has a new anchor beyond that
                assert row["gap"] < 1e-4
            elif row["scored"]:
                assert row["solved"] > 0.9


def test_a_job_without_its_data_is_left_out_and_the_others_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LAWFIT_SHARED_DATA", str(tmp_path))
    driver.main(["J1a", "J2a", "--quick", "--peers"])
    shown = capsys.readouterr().out
    assert "J1a is left out: shared data not found" in shown
    assert "J2a: S1 and S2 at every one of" in shown


def contest(peer, objectives, **options):
    scores = np.array(objectives)
    return Contestant(peer, "default", "", lambda: scores, lambda found: found, **options)


def table_of(plan):
    return tabulate("J", plan, measure(plan.contestants, rounds=2, slice_seconds=0))


def test_starts_are_solved_where_they_reach_the_best_of_all():
    plan = Plan("starts", [contest("lawfit", [1.0]), contest("peer", [1.0 + 1e-7, 2.0, np.nan])])
    ours, peer = table_of(plan).rows
    assert (ours.solved, peer.solved) == (1, pytest.approx(1 / 3))
    assert peer.objective == pytest.approx(1 + 1e-7, rel=1e-12)


def test_problems_are_compared_each_with_its_own_best():
    plan = Plan("pairs", [contest("lawfit", [1.0, 2.0, 5.0]), contest("peer", [3.0, 2.0])])
    plan.paired = True
    ours, peer = table_of(plan).rows
    assert (ours.solved, peer.solved) == (1, 0.5)
    assert (ours.objective, peer.objective) == (1.5, 2.5)  # of the two that both have done
    assert peer.gap == 2


def test_a_part_of_a_job_is_scaled_up_and_said_so():
    plan = Plan("part", [contest("lawfit", [1.0]), contest("peer", [1.0], ran=3, of=300)])
    peer = table_of(plan).rows[1]
    assert "3 of 300, scaled" in report.text(table_of(plan))
    assert peer.seconds_min <= peer.seconds_median <= peer.seconds_max


def test_times_are_refused_where_lawfit_misses_the_objective():
    for reference, reached in ((1.0, 1 + 1e-8), (1.0, 1 - 1e-8), (1.0, np.nan)):
        plan = Plan("missed", [contest("lawfit", [reached])], reference=reference)
        with pytest.raises(AssertionError, match="lawfit"):
            driver.check(table_of(plan))
    plan = Plan("missed", [contest("lawfit", [1.0, 2.1]), contest("peer", [1.0, 2.0])], paired=True)
    with pytest.raises(AssertionError, match="the best of all"):
        driver.check(table_of(plan))
    driver.check(table_of(dataclasses.replace(plan, contestants=plan.contestants[1:])))


def test_an_unknown_job_or_group_of_peers_is_refused(capsys):
    for words in (["J9"], ["J1a", "--peers", "nobody"]):
        with pytest.raises(SystemExit):
            driver.main(words)
        assert words[-1] in capsys.readouterr().err
