"""Accuracy on unseen instructions against how many a model was tuned on, a formula of one's own.

Synthetic: drawn from a logistic in log diversity, the shape Only-IF (arXiv:2410.04717) describes,
in which generalisation appears once there are instructions enough. Each model answers 400 prompts.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

PROMPTS = 400
instructions = np.array([10, 20, 50, 100, 200, 300, 500, 700, 1000, 2000, 5000, 10000])
truth = 0.04 + 0.88 / (1 + (400 / instructions) ** 2.2)
right = np.random.default_rng(7).binomial(PROMPTS, truth)

law = lf.Law(
    "logistic in log diversity",
    "low + (high - low) / (1 + (half/instructions)**steepness)",
    {
        "low": lf.Parameter(0, 1, typical=(0, 0.2), meaning="accuracy without diversity"),
        "high": lf.Parameter(0, 1, typical=(0.5, 1), meaning="accuracy in the limit"),
        "half": lf.Parameter(0, typical=(30, 3000), meaning="instructions to be half-way"),
        "steepness": lf.Parameter(0, typical=(0.5, 5), meaning="slope in log diversity"),
    },
    y="accuracy",
)
share = right / PROMPTS
data = {"instructions": instructions, "accuracy": share}
fit = lf.fit(law, data, loss="binomial", space="linear", weights=np.full(share.size, PROMPTS))
print(fit.summary())
nine_tenths = fit.params["half"] * 9 ** (1 / fit.params["steepness"])
print(f"\nnine tenths of the rise is reached at {nine_tenths:.0f} instructions")

grid = np.geomspace(8, 12000, 300)
figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.add_subplot(xscale="log", xlabel="instructions tuned on", ylabel="accuracy (share)")
errors = np.sqrt(share * (1 - share) / PROMPTS)
dots = {"fmt": "o", "color": "0.3", "capsize": 2, "label": "measured, ±1 σ"}
axes.errorbar(instructions, share, errors, **dots)
axes.plot(grid, fit.predict({"instructions": grid}), color="#0072B2", label="fitted logistic")
axes.axvline(nine_tenths, color="#D55E00", linestyle="--", label="nine tenths of the rise")
axes.set_ylim(0, 1)
axes.set_title("Accuracy against instruction diversity (synthetic)")
axes.legend(frameon=False, loc="upper left")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
