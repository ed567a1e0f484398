"""What to look at before a fit is believed: what it leaves, what its terms give, what λ costs.

Real runs of a sample model; the fit sees constant_4000 and cosine_4000 from step 600 on. What it
leaves of these two is hardly correlated; of wsd_4000, which it has not seen, neighbours err
together in the decay. The last panel asks for the end of wsd_4000 as it trains, the fit known.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf
from lawfit import plot, views

curves = lf.samples.curves()
train, unseen = curves[["constant_4000", "cosine_4000"]], curves["wsd_4000"]
grid = [0.98, 0.985, 0.99, 0.9925, 0.995, 0.9965, 0.998, 0.999]
fit = lf.fit("annealing", train, profile={"lam": grid}, skip_steps=600)
shown = lf.Curves([*train, unseen])

print("run             residuals' sd   correlation of neighbours")
for run in views.residuals(fit, shown):
    remembered = views.autocorrelation(run.values, 1)[1]
    print(f"{run.name:15}{np.std(run.values):14.5f}{remembered:26.2f}")

figure = Figure(figsize=(12.4, 6.6), layout="constrained")
(left, middle, right), (below, between, last) = figure.subplots(2, 3)
plot.residuals(left, fit, shown)
plot.residual_quantiles(middle, fit, shown)
plot.residual_autocorrelation(right, fit, shown)
plot.law_terms(below, fit, unseen, first=600)
plot.profile(between, fit)
asked, told = zip(*views.replay(fit, unseen, 0.9, prior=True), strict=True)
plot.final_loss(last, asked, told, label="forecast", truth=unseen.loss[-1])
last.legend(frameon=False, fontsize=8)
for axes in figure.axes:
    axes.spines[["top", "right"]].set_visible(False)
titles = ("what is left", "how it is spread", "how long it lasts", "what the terms give",
          "what λ costs", "how early wsd_4000's end was known")  # fmt: skip
for axes, title in zip(figure.axes, titles, strict=True):
    axes.set_title(title, loc="left", fontsize=10)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=100)
