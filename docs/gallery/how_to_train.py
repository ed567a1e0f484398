"""How to train: peak LR and batch by the step law, shares of two sources by a law of mixtures.

Step law: numbers printed by arXiv:2503.04715. Mixture: synthetic, the two stages of projektor
(arXiv:2307.02460) at 1e5 and 4e5 samples, forecasting 3.2e6, with 0.3 % of seeded noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

LR, BATCH = {"a": 1.7973, "b": -0.71292, "c": 0.30749}, {"d": 0.58069, "e": 0.57094}
SIZES, (SMALL, LARGE, AHEAD) = np.array([1e8, 1e9, 7e9]), (1e5, 4e5, 3.2e6)  # parameters, samples


def mix(share):
    """Return columns of mixtures for a task that is seven tenths the first source."""
    return {"p1": share, "p2": 1 - share, "OT": np.abs(share - 0.7)}


def truth(share, samples):
    """Return the loss of mixtures: it falls with samples, and the best share grows."""
    fall, far = np.log(samples / SMALL), share * mix(share)["OT"]
    return 0.9 - 0.05 * fall + 0.3 * (share - 0.3 - 0.06 * fall) ** 2 + 0.2 * far


figure = Figure(figsize=(9.6, 4.2), layout="constrained")
left, right = figure.subplots(1, 2)
print("       D  batch (tokens)   peak LR of N = 1e8, 1e9, 7e9")
for D, line in ((1e10, "o-"), (1e11, "s--"), (1.4e12, "^:")):
    [batch] = lf.predict("step_law_batch", BATCH, {"D": [D]})
    rates = lf.predict("step_law", LR, {"N": SIZES, "D": np.full(3, D)})
    print(f"{D:8.3g}  {batch:14.4g}   " + "  ".join(f"{rate:.3e}" for rate in rates))
    left.loglog(SIZES, rates, line, color="#0072B2", label=f"D = {D:.2g} tokens, batch {batch:.2g}")
left.set(xlabel="model size N  (parameters)", ylabel="peak LR", ylim=(1.5e-4, 5e-2))
left.set_title("Step law, numbers as printed")

rng, lines = np.random.default_rng(6), []
share, fine = np.repeat(np.linspace(0, 1, 11), 2), np.linspace(0, 1, 201)
for samples, marker in ((SMALL, "o"), (LARGE, "s")):
    loss = truth(share, samples) * np.exp(rng.normal(0, 0.003, share.size))
    lines.append(lf.fit(lf.laws.mixture(2), mix(share) | {"loss": loss}).predict(mix(fine)))
    right.plot(share, loss, marker, color="0.6", markersize=4)
lines.append(lf.mixture_at_scale(AHEAD, SMALL, lines[0], LARGE, lines[1]))
print("\nsamples  best share of source 1 (true)  mean absolute error of the loss")
for samples, loss, style in zip((SMALL, LARGE, AHEAD), lines, ("k-", "k--", "C0-"), strict=True):
    exact = truth(fine, samples)
    best, own = fine[[np.argmin(loss), np.argmin(exact)]]
    print(f"{samples:7.2g}  {best:22.2f} ({own:.2f})  {np.mean(np.abs(loss - exact)):31.4f}")
    right.plot(fine, loss, style, label=f"{samples:.2g} samples")
    right.plot(best, loss.min(), "*", color="#D55E00", markersize=11)
right.plot(fine, exact, ":", color="0.4", label=f"truth at {AHEAD:.2g}")
right.set(xlabel="share of source 1  (star: best)", ylabel="loss  (nats)")
right.set_title("Mixtures of two sources (synthetic)")
left.legend(frameon=False)
right.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
