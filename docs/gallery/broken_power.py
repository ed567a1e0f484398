"""Power law, exponential or broken power law: which one an information criterion picks.

Synthetic: three sets of 30 points, each drawn from one of the laws with 1 % of seeded noise; the
first 24 are fitted, breaks looked for among them, and the last six held out. Sorscher et al.,
arXiv:2206.14486, find exponentials for pruned data; Caballero et al., arXiv:2210.14891, have the
breaks. Of two laws that fit alike the criterion takes the simpler; held-out error may not.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

TRUTHS = {
    "power": {"a": 3.0, "b": 0.4, "c": 0.2},
    "exponential": {"a": 0.8, "b": 0.02, "c": 0.1},
    "broken_power": {"a": 0.1, "b": 1.0, "c0": 0.05, "d1": 60.0, "c1": 0.6, "f1": 0.3},
}
STYLES = {"power": ("#0072B2", "-"), "exponential": ("#E69F00", ":"), "broken_power": ("k", "--")}
BOUNDS = {"broken_power": {"d1": (2, 120), "f1": (0.1, 2)}}  # x reaches 238 in the fitted points
rng = np.random.default_rng(8)
x = np.geomspace(1, 1000, 30)
seen, unseen = slice(0, 24), slice(24, 30)


def aicc(fit):
    """Return Akaike's criterion for few points, of normal noise whose size is fitted too."""
    k = len(fit.free) + 1
    return fit.n * np.log(2 * fit.objective / fit.n) + 2 * k * fit.n / (fit.n - k - 1)


figure = Figure(figsize=(9.6, 4.0), layout="constrained")
panels = figure.subplots(1, 3)
print("AICc above the best, and error of the held-out points relative to them (PredE)")
print("drawn from    " + "".join(f"{law:>20}" for law in TRUTHS))
for axes, (truth, params) in zip(panels, TRUTHS.items(), strict=True):
    y = lf.predict(truth, params, {"x": x}) * np.exp(rng.normal(0, 0.01, x.size))
    table, held = {"x": x[seen], "y": y[seen]}, {"x": x[unseen], "y": y[unseen]}
    fits = {law: lf.fit(law, table, loss="squared", bounds=BOUNDS.get(law)) for law in TRUTHS}
    scores = {law: aicc(fit) for law, fit in fits.items()}
    print(f"{truth:14}", end="")
    for law, fit in fits.items():
        above = scores[law] - min(scores.values())
        print(f"{above:12.0f}{fit.score(held)['data'].PredE:8.1%}", end="")
        axes.plot(x, fit.predict({"x": x}), STYLES[law][1], color=STYLES[law][0], label=law)
    print()
    axes.plot(table["x"], table["y"], "o", color="0.45", markersize=4, label="fitted")
    axes.plot(held["x"], held["y"], "o", color="0.45", mfc="w", markersize=5, label="held out")
    axes.set(xscale="log", yscale="log", xlabel="x  (any unit)")
    axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 3], ["0.1", "0.2", "0.5", "1", "2", "3"])
    axes.minorticks_off()
    axes.set_ylim(0.8 * y.min(), 1.25 * y.max())
    axes.set_title(f"drawn from {truth}", fontsize=10)
panels[0].set_ylabel("y  (any unit)")
panels[0].legend(frameon=False)
figure.suptitle("Three laws of one variable on points of each (synthetic)")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
