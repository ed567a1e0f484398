"""Which of two methods wins at scale: where their scaling laws cross, and how surely.

Synthetic points: two laws Linf + (x0/x)^alpha of compute in PF-days, the form of Henighan et al.,
arXiv:2010.14701, with numbers of our own and 0.3 % of seeded noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

rng = np.random.default_rng(3)
compute = np.geomspace(1e-4, 1e1, 16)


def runs(floor, scale, exponent):
    """Losses of one method's runs."""
    return (floor + (scale / compute) ** exponent) * np.exp(rng.normal(0, 0.003, compute.size))


methods = {"simple": runs(2.1, 2e-2, 0.20), "ambitious": runs(1.9, 6e-1, 0.19)}
fits = {name: lf.fit("henighan", {"x": compute, "loss": y}) for name, y in methods.items()}
for fit in fits.values():
    print(fit)
near = lf.crossover(*fits.values(), "x", low=1e-4, high=1e1)
far = lf.crossover(*fits.values(), "x", low=1e-4, high=1e5)
print(f"within the data: {near}")
print(f"extrapolated:    {far}")

figure = Figure(figsize=(6.4, 4.2), layout="constrained")
axes = figure.subplots()
fine = np.geomspace(1e-4, 1e5, 200)
for (name, fit), marker, line in zip(fits.items(), "os", ("-", "--"), strict=True):
    axes.plot(compute, methods[name], marker, color="0.6", markersize=5)
    axes.plot(fine, fit.predict({"x": fine}), line, color="black", label=name)
axes.axvspan(*far.interval, color="#0072B2", alpha=0.15, label="0.95 interval")
axes.plot(
    far.x, far.value, "*", color="#D55E00", markersize=13, label=f"cross at {far.x:.3g} PF-days"
)
axes.set(xscale="log", yscale="log", ylim=(1.9, 7.6))
axes.set_yticks([2, 3, 4, 5, 6, 7], labels="234567", minor=False)
axes.minorticks_off()
axes.set(xlabel="compute x  (PF-days)", ylabel="loss  (nats per token)")
axes.set_title("Crossover of two scaling laws (synthetic)")
axes.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
