"""The chain from log-probabilities to accuracy, and correlations with compute, against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

import lawfit as lf
from lawfit.derived._correlation import MOST_ROWS, kendall, pearson, ranks, spearman

FEW = settings(deadline=None, derandomize=True, max_examples=60)
ORACLES = {
    pearson: lambda x, y: stats.pearsonr(x, y).statistic,
    spearman: lambda x, y: stats.spearmanr(x, y).statistic,
    kendall: lambda x, y: stats.kendalltau(x, y).statistic,
}


def tied_or_not(n, m):
    values = st.integers(-3, 3) | st.floats(-1e3, 1e3).map(lambda v: round(v, 3))
    return hnp.arrays(np.float64, (n, m), elements=values.map(float))


@FEW
@given(st.integers(3, 12).flatmap(lambda n: tied_or_not(n, 4)))
@pytest.mark.filterwarnings("ignore:An input array is:scipy.stats.ConstantInputWarning")
@pytest.mark.filterwarnings("ignore:An input array is:scipy.stats.NearConstantInputWarning")
def test_correlations_with_ties(table):
    x, ys = table[:, 0], table[:, 1:]
    for ours, oracle in ORACLES.items():
        expected = [oracle(x, y) if np.ptp(x) and np.ptp(y) else np.nan for y in ys.T]
        assert ours(x, ys) == pytest.approx(expected, abs=1e-10, nan_ok=True)


@FEW
@given(hnp.arrays(np.float64, (9, 3), elements=st.floats(-1e300, 1e300)))
def test_ranks_share_ties(ys):
    assert np.array_equal(ranks(ys), stats.rankdata(ys, axis=0))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_correlations_do_not_depend_on_the_unit(scale):
    rng = np.random.default_rng(0)
    x, ys = rng.normal(size=20), rng.normal(size=(20, 5))
    for ours in ORACLES:
        assert ours(x * scale, ys * scale) == pytest.approx(ours(x, ys), rel=1e-12)


def test_correlations_of_too_many_rows_are_refused():
    x = np.arange(MOST_ROWS + 1.0)
    with pytest.raises(ValueError, match=f"all pairs of rows: {MOST_ROWS + 1} are over"):
        kendall(x, x[:, None])


def log_softmax(models=6, samples=40, choices=4, seed=0):
    """Return log-probabilities of choices among 100 texts, better with the model's index."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(models, samples, 100))
    logits[:, :, 0] += np.linspace(-3, 2, models)[:, None]
    correct = rng.integers(choices, size=samples)
    found = special.log_softmax(logits, axis=2)[:, :, :choices].copy()
    rows = np.arange(samples)
    right = found[:, rows, 0].copy()
    found[:, rows, 0] = found[:, rows, correct]
    found[:, rows, correct] = right
    return found, correct


def test_chain_is_what_its_formulas_say():
    log_probs, correct = log_softmax()
    chain = lf.downstream_chain(log_probs, correct)
    for model, sample in np.ndindex(chain.accuracy.shape):
        p = np.exp(log_probs[model, sample])
        c = correct[sample]
        share = p / p.sum()
        truth = np.eye(len(p))[c]
        assert chain.log_p_vocab[model, sample] == log_probs[model, sample, c]
        assert chain.p_vocab[model, sample] == pytest.approx(p[c])
        assert chain.p_choices[model, sample] == pytest.approx(share[c])
        assert chain.brier[model, sample] == pytest.approx(((truth - share) ** 2).sum())
        assert chain.accuracy[model, sample] == (share.argmax() == c)


def test_certain_answers_ties_and_padding():
    third = np.log([1 / 3, 1 / 3, 1 / 4])
    padded = [np.log(0.2), np.log(0.1), -np.inf]
    tiny = [-2000.0, -2001.0, -3000.0]  # exp underflows, shares do not
    chain = lf.downstream_chain([[third, third, padded, tiny]], [0, 2, 0, 0])
    assert chain.accuracy.tolist() == [[0.5, 0, 1, 1]]
    assert chain.p_choices[0] == pytest.approx([4 / 11, 3 / 11, 2 / 3, special.expit(1)])
    assert chain.p_vocab[0, 3] == 0
    assert chain.brier[0, 2] == pytest.approx(2 / 9)
    certain = lf.downstream_chain([[[0.0, -np.inf]], [[-1e9, 0.0]]], [0])
    assert certain.brier.tolist() == [[0], [2]]


@FEW
@given(hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(-800, 0)), st.integers(0, 3))
def test_chain_stays_in_its_ranges(log_probs, correct):
    before = log_probs.copy()
    chain = lf.downstream_chain(log_probs, [correct] * 3)
    assert np.array_equal(log_probs, before)
    for values, top in ((chain.p_vocab, 1), (chain.p_choices, 1), (chain.brier, 2)):
        assert ((values >= 0) & (values <= top + 1e-12)).all()
    # an answer that is likeliest of four has at least a quarter, and no other a half
    assert (chain.p_choices[chain.accuracy > 0] >= 0.25 - 1e-12).all()
    assert (chain.p_choices[chain.accuracy == 0] <= 0.5).all()


def test_predictability_is_each_samples_correlation():
    log_probs, correct = log_softmax()
    chain = lf.downstream_chain(log_probs, correct)
    compute = [1e18, 1e19, 3e19, 1e20, 5e20, 1e21]
    found = lf.predictability(chain, compute)
    x = np.log(compute)
    for kind, oracle in zip(("pearson", "spearman", "kendall"), ORACLES.values(), strict=True):
        expected = [oracle(x, y) for y in chain.p_choices.T]
        assert found.correlations["p_choices"][kind] == pytest.approx(expected)
        expected = [oracle(x, -y) for y in chain.brier.T]
        assert found.correlations["brier"][kind] == pytest.approx(expected)
    flat = (np.ptp(chain.accuracy, axis=0) == 0).sum()
    assert flat > 0
    assert found.constant("accuracy") == flat
    assert found.constant("log_p_vocab") == 0
    middle = np.nanmedian(found.correlations["accuracy"]["kendall"])
    assert found.quantiles("accuracy", "kendall")[1] == pytest.approx(middle)


def test_loss_of_predictability_is_located():
    """Noise among the wrong choices leaves the first links' order intact and breaks the later."""
    models, samples = 30, 50
    rng = np.random.default_rng(1)
    right = np.linspace(-7, -5, models)[:, None] + rng.normal(0, 0.01, (models, samples))
    wrong = -5 - np.abs(rng.normal(0, 3, (models, samples, 3)))
    log_probs = np.concatenate([right[:, :, None], wrong], axis=2)
    chain = lf.downstream_chain(log_probs, np.zeros(samples, int))
    found = lf.predictability(chain, np.logspace(18, 24, models))
    lost = found.lost()
    assert found.quantiles("log_p_vocab")[0] > 0.99
    assert abs(lost["p_vocab"]) < 1e-12  # the same order
    assert lost["p_choices"] > 0.1
    assert max(lost, key=lost.get) == "p_choices"
    assert "falls most from p_vocab to p_choices" in repr(found)
    assert len(found.summary().splitlines()) == 7


def test_scores_that_never_vary():
    chain = lf.downstream_chain(np.full((3, 2, 2), -1.0), [0, 1])
    found = lf.predictability(chain, [1, 2, 3])
    assert found.constant("brier") == 2
    assert np.isnan(found.quantiles("brier")).all()
    assert repr(found) == "<Predictability of 2 samples, 3 models: no score varies>"
    assert "nan" in found.summary()


def test_order_that_is_nowhere_lost():
    right = np.log([[0.1], [0.2], [0.3]])
    chain = lf.downstream_chain(np.stack([right, np.log1p(-np.exp(right))], axis=2), [0])
    found = lf.predictability(chain, [1, 2, 3])
    assert found.quantiles("brier")[0] == pytest.approx(1)
    assert repr(found).endswith("the median rank correlation falls nowhere>")


GOOD = np.full((2, 3, 4), -1.0)


def with_value(value, place=(1, 2, 3)):
    values = GOOD.copy()
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("log_probs", "correct", "message"),
    [
        (
            with_value(np.nan),
            [0, 0, 0],
            r"log_probs at \[model, sample, choice\] \[1, 2, 3\] is nan",
        ),
        (with_value(0.5), [0, 0, 0], r"\[1, 2, 3\] is 0.5; expected the logarithm"),
        (with_value(-np.inf), [0, 0, 3], "right choice is -inf for model 1, sample 2"),
        (GOOD[0], [0, 0, 0], r"shape \(3, 4\); expected \(models, samples, choices\)"),
        (GOOD[:0], [0, 0, 0], r"shape \(0, 3, 4\)"),
        ([[[-1.0], [-1.0, -2.0]]], [0, 0], "ragged"),
        (GOOD, [0, 0], "correct has 2 entries for 3 samples"),
        (GOOD, [0, 4, 0], "correct at index 1 is 4; expected a choice from 0 to 3"),
        (GOOD, [0, 0.5, 0], "correct at index 1 is 0.5"),
        (GOOD, [0, -1, 0], "correct at index 1 is -1"),
    ],
)
def test_answers_without_a_meaning_are_refused(log_probs, correct, message):
    with pytest.raises(ValueError, match=message):
        lf.downstream_chain(log_probs, correct)


def test_compute_without_a_meaning_is_refused():
    chain = lf.downstream_chain(GOOD, [0, 0, 0])
    with pytest.raises(ValueError, match="compute has 3 values for 2 models"):
        lf.predictability(chain, [1, 2, 3])
    with pytest.raises(ValueError, match="compute at index 1 is 0"):
        lf.predictability(chain, [1.0, 0.0])
    with pytest.raises(ValueError, match="at least 2 different values"):
        lf.predictability(chain, [1.0, 1.0])
    with pytest.raises(TypeError, match="chain is a list"):
        lf.predictability([], [1.0, 2.0])
    found = lf.predictability(chain, [1.0, 2.0])
    with pytest.raises(ValueError, match="link 'acuracy' is unknown; did you mean 'accuracy'"):
        found.constant("acuracy")


def test_quantiles_are_from_0_to_1():
    found = lf.predictability(lf.downstream_chain(GOOD, [0, 1, 2]), [1.0, 10.0])
    with pytest.raises(ValueError, match=r"quantiles: at at index 1 is 2\.0; expected .* <= 1"):
        found.quantiles("brier", at=(0.5, 2.0))
