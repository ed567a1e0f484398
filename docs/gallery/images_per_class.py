"""Accuracy of a model trained on distilled images, a power law that saturates.

Synthetic: the number of images per class is what papers on dataset distillation such as TESLA
(arXiv:2211.10586) vary; accuracies are drawn from top - gap·ipc^-b, with 0.6 points of noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

images = np.array([1.0, 2, 3, 5, 10, 20, 30, 50, 100])
accuracy = 58 - 34 * images**-0.45 + np.random.default_rng(1).normal(0, 0.6, images.size)

saturating = lf.Law(
    "saturating power law",
    "top - gap * images**-b",
    {
        "top": lf.Parameter(0, 100, meaning="accuracy of endless images", unit="%"),
        "gap": lf.Parameter(0, meaning="what one image a class lacks", unit="%"),
        "b": lf.Parameter(0, typical=(0.1, 1.5), meaning="how fast images pay"),
    },
    y="accuracy",
)
logarithmic = lf.Law("logarithm", "a + b * log(images)", ["a", "b"], y="accuracy")

# The first seven sizes are fitted, the last two are forecast.
seen = {"images": images[:7], "accuracy": accuracy[:7]}
unseen = {"images": images[7:], "accuracy": accuracy[7:]}
fits = [lf.fit(law, seen, loss="squared", space="linear") for law in (saturating, logarithmic)]
print(fits[0].summary())
print("\nerror of the forecasts at 50 and 100 images a class (points of accuracy)")
for fit in fits:
    print(f"  {fit.law.name:22} {fit.score(unseen)['data'].MAE:.2f}")

grid = np.geomspace(0.9, 120, 200)
figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.add_subplot(xscale="log", xlabel="images per class", ylabel="accuracy (%)")
axes.plot(images[:7], accuracy[:7], "o", color="0.3", label="fitted points")
axes.plot(images[7:], accuracy[7:], "s", color="0.3", markerfacecolor="w", label="held out")
for fit, style in zip(fits, (("#0072B2", "-"), ("#D55E00", "--")), strict=True):
    curve = fit.predict({"images": grid})
    axes.plot(grid, curve, color=style[0], linestyle=style[1], label=fit.law.name)
top = fits[0].params["top"]
axes.axhline(top, color="0.6", linestyle=":", label=f"fitted ceiling {top:.1f}%")
axes.set_title("Accuracy against images per class (synthetic)")
axes.legend(frameon=False, loc="lower right")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
