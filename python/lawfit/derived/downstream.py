"""From what a model says of the right answer to its accuracy: where predictability is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lawfit._validate import Floats, Rows, choose, float_array
from lawfit.derived._answer import Answer
from lawfit.derived._arguments import reals
from lawfit.derived._correlation import kendall, pearson, spearman

__all__ = ["DownstreamChain", "Predictability", "downstream_chain", "predictability"]

# Every link of the chain and the one it is made from.
LINKS = MappingProxyType(
    {
        "log_p_vocab": None,
        "p_vocab": "log_p_vocab",
        "p_choices": "p_vocab",
        "brier": "p_choices",
        "accuracy": "p_choices",
    }
)
_NO_FALL = 0.001  # of a correlation, not worth naming
CORRELATIONS = MappingProxyType({"pearson": pearson, "spearman": spearman, "kendall": kendall})


class DownstreamChain(NamedTuple):
    """The links from a multiple-choice answer to its score, each of shape (models, samples).

    Attributes
    ----------
    log_p_vocab, p_vocab : ndarray
        Log-probability (nats) and probability of the right answer among all texts.
    p_choices : ndarray
        Its probability among the choices offered, p(correct)/Σ p(choice).
    brier : ndarray
        Σ (1[c is correct] - p_choices(c))², from 0 to 2; lower is better.
    accuracy : ndarray
        1 if the right answer is the likeliest choice, 1/k if it ties with k - 1 others, else 0.
    """

    log_p_vocab: Floats
    p_vocab: Floats
    p_choices: Floats
    brier: Floats
    accuracy: Floats


def downstream_chain(log_probs: Any, correct: Any) -> DownstreamChain:
    """Follow multiple-choice answers from log-probabilities to accuracy and Brier score.

    Parameters
    ----------
    log_probs : array-like of float, shape (models, samples, choices)
        Log-probability in nats of every choice, at most 0. -inf pads samples of fewer choices.
    correct : array-like of int, shape (samples,)
        0-based index of the right choice, whose log-probability must be finite.

    Returns
    -------
    DownstreamChain

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a log-probability is NaN or above 0, or an index is no choice; the
        message names the place and the value.

    Notes
    -----
    The chain of Schaeffer et al. 2024, arXiv:2406.04391.
    """
    values = _log_probabilities(log_probs)
    index = _right_choices(correct, values)
    right = np.take_along_axis(values, index[None, :, None], axis=2)
    top = values.max(axis=2, keepdims=True)
    shares = np.exp(values - top)  # relative to the likeliest, so that none underflows with it
    shares /= shares.sum(axis=2, keepdims=True)
    is_right = np.arange(values.shape[2]) == index[:, None]
    best = values == top
    accuracy = (best & is_right).any(axis=2) / best.sum(axis=2)
    return DownstreamChain(
        log_p_vocab=right[:, :, 0],
        p_vocab=np.exp(right[:, :, 0]),
        p_choices=np.take_along_axis(shares, index[None, :, None], axis=2)[:, :, 0],
        brier=((is_right - shares) ** 2).sum(axis=2),
        accuracy=accuracy,
    )


@dataclass(frozen=True, eq=False, repr=False)
class Predictability(Answer):
    """How closely each sample's score follows compute, at every link of the chain.

    Attributes
    ----------
    correlations : mapping of link to mapping of kind to ndarray, shape (samples,)
        Of the score with log compute, turned so that 1 is 'better with compute' (the Brier score
        counts negative). NaN where the score is the same for all models.
    models, samples : int
    """

    correlations: Mapping[str, Mapping[str, Floats]]
    models: int
    samples: int

    def __post_init__(self) -> None:
        table = {}
        for link, kinds in self.correlations.items():
            for values in kinds.values():
                values.setflags(write=False)
            table[link] = MappingProxyType(dict(kinds))
        object.__setattr__(self, "correlations", MappingProxyType(table))

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {link: dict(kinds) for link, kinds in self.correlations.items()}
        return Predictability, (plain, self.models, self.samples)

    def constant(self, link: str) -> int:
        """Return how many samples score the same for all models, so that nothing correlates."""
        return int(np.isnan(self._of(link, "spearman")).sum())

    def quantiles(
        self, link: str, kind: str = "spearman", at: tuple[float, ...] = (0.25, 0.5, 0.75)
    ) -> Floats:
        """Return quantiles over the samples whose score varies; NaN if none does."""
        asked = reals(at, "at", "quantiles", lower=0, upper=1)
        values = self._of(link, kind)
        values = values[~np.isnan(values)]
        return np.quantile(values, asked) if values.size else np.full(asked.shape, np.nan)

    def lost(self, kind: str = "spearman") -> dict[str, float]:
        """Return by how much the median falls at each link from the one that it is made of."""
        medians = {link: float(self.quantiles(link, kind, (0.5,))[0]) for link in LINKS}
        return {
            link: medians[parent] - medians[link]
            for link, parent in LINKS.items()
            if parent is not None
        }

    def summary(self) -> str:
        """Return a table of medians, quartiles and samples left out."""
        lines = [
            f"correlation of {self.samples} samples' scores with log compute, {self.models} models",
            f"{'link':12}"
            + "".join(f"{kind + ' median [quartiles]':>30}" for kind in CORRELATIONS)
            + f"{'constant':>10}",
        ]
        for link in LINKS:
            cells = ""
            for kind in CORRELATIONS:
                low, middle, high = self.quantiles(link, kind)
                cells += f"{f'{middle:.3f} [{low:.3f}, {high:.3f}]':>30}"
            lines.append(f"{link:12}{cells}{self.constant(link):10d}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        lost = {link: fall for link, fall in self.lost().items() if not np.isnan(fall)}
        worst = max(lost, key=lambda link: lost[link], default="")
        if not worst:
            found = "no score varies"
        elif lost[worst] < _NO_FALL:
            found = "the median rank correlation falls nowhere"
        else:
            found = "the median rank correlation falls most "
            found += f"from {LINKS[worst]} to {worst}, by {lost[worst]:.3f}"
        return f"<Predictability of {self.samples} samples, {self.models} models: {found}>"

    def _of(self, link: str, kind: str) -> Floats:
        link = choose(link, LINKS, field="link")
        return self.correlations[link][choose(kind, CORRELATIONS, field="kind")]


def predictability(chain: DownstreamChain, compute: Any) -> Predictability:
    """Correlate every sample's score with log compute, at each link of the chain.

    Parameters
    ----------
    chain : DownstreamChain
        As `downstream_chain` returns it.
    compute : array-like of float, shape (models,)
        What each model's training took, in FLOPs or any unit, above 0 and not all the same.

    Returns
    -------
    Predictability
        Pearson's, Spearman's and Kendall's (tau-b) correlation of each sample. Samples of a
        constant score have none and are counted; accuracy has many of them, so its medians are
        of the samples that some models get right and others do not.

    Raises
    ------
    TypeError, ValueError
        If `compute` does not fit the chain, or is constant, not finite or not above 0.

    Notes
    -----
    Schaeffer et al. 2024, arXiv:2406.04391, find that compute orders log-probabilities of the right
    answer well and every further link worse, because the wrong choices' probabilities enter.
    """
    if not isinstance(chain, DownstreamChain):
        raise TypeError(f"chain is a {type(chain).__name__}; expected a DownstreamChain")
    models, samples = chain.log_p_vocab.shape
    values = np.atleast_1d(reals(compute, "compute", "predictability", lower=0, strict=True))
    if len(values) != models:
        raise ValueError(f"predictability: compute has {len(values)} values for {models} models")
    if np.unique(values).size < 2:
        raise ValueError("predictability: compute needs at least 2 different values")
    log_compute = np.log(values)
    scores = chain._replace(brier=-chain.brier)._asdict()
    return Predictability(
        {
            link: {kind: of(log_compute, scores[link]) for kind, of in CORRELATIONS.items()}
            for link in LINKS
        },
        models=models,
        samples=samples,
    )


def _log_probabilities(log_probs: Any) -> Floats:
    try:
        shape = np.shape(log_probs)
    except ValueError:
        raise ValueError("log_probs is ragged; pad samples of fewer choices with -inf") from None
    if len(shape) != 3 or 0 in shape:
        raise ValueError(f"log_probs has shape {shape}; expected (models, samples, choices)")
    values = float_array(
        log_probs, source="downstream_chain", field="log_probs", finite=False, dimensions=3
    )
    bad = np.argwhere(~(values <= 0))
    if bad.size:
        raise ValueError(
            f"log_probs at [model, sample, choice] {bad[0].tolist()} is {values[tuple(bad[0])]}; "
            "expected the logarithm of a probability, at most 0"
        )
    return values


def _right_choices(correct: Any, values: Floats) -> Rows:
    _, samples, choices = values.shape
    index = float_array(correct, source="downstream_chain", field="correct")
    if len(index) != samples:
        raise ValueError(f"correct has {len(index)} entries for {samples} samples")
    bad = np.flatnonzero((index < 0) | (index >= choices) | (index != np.floor(index)))
    if bad.size:
        raise ValueError(
            f"correct at index {bad[0]} is {index[bad[0]]:g}; expected a choice from 0 to "
            f"{choices - 1}"
        )
    right = index.astype(np.intp)
    chosen = np.take_along_axis(values, right[None, :, None], axis=2)[:, :, 0]
    if np.isinf(chosen).any():
        model, sample = (int(i[0]) for i in np.nonzero(np.isinf(chosen)))
        raise ValueError(
            f"log_probs of the right choice is -inf for model {model}, sample {sample}; expected "
            "a finite logarithm"
        )
    return right
