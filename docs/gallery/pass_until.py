"""Pass rates far below what a benchmark resolves, and whether they emerge with size.

Synthetic: two tasks, sampled until 20 draws pass as PassUntil (arXiv:2310.03262) does. One follows
its law rate = exp(-c·N^-alpha), the other rises faster: accelerated emergence.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

PASSES = 20
N = np.geomspace(3e7, 2.4e9, 7)
x = np.log(N / N[3])
hazards = {"follows the law": 5 * np.exp(-0.38 * x), "emerges": 5 * np.exp(-0.38 * x - 0.05 * x**2)}
rng = np.random.default_rng(5)
draws = {
    task: PASSES + rng.negative_binomial(PASSES, np.exp(-hazard))
    for task, hazard in hazards.items()
}

print("task 'follows the law', sampled until 20 pass, with exact 95% intervals")
rates = lf.pass_rate(PASSES, draws["follows the law"])
for row in zip(N, draws["follows the law"], rates.unbiased, rates.low, rates.high, strict=True):
    print("  N {:9.3g}  draws {:10d}  rate {:.3g}  [{:.3g}, {:.3g}]".format(*row))

figure = Figure(figsize=(9, 4), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
grid = np.geomspace(N[0], N[-1], 100)
for axes, (task, k) in zip(panels, draws.items(), strict=True):
    found = lf.emergence(N, np.full(N.size, PASSES), k)
    print(f"\ntask {task!r}: {found.message}")
    print(f"  the law: c {found.c:.4g}, alpha {found.alpha:.4f}", end=", ")
    print(f"likelihood-ratio statistic {found.statistic:.2f}")
    rate = lf.pass_rate(PASSES, k)
    y, low, high = (-np.log(np.asarray(v)) for v in (rate.rate, rate.low, rate.high))
    axes.errorbar(N, y, [y - high, low - y], fmt="o", color="0.3", capsize=2, label="measured, 95%")
    for fit, style, label in (
        (found.straight, {"color": "#0072B2"}, "exp(-c·N^-alpha)"),
        (found.curved, {"color": "#D55E00", "linestyle": "--"}, "with curvature"),
    ):
        axes.plot(grid, -np.log(fit.predict({"N": grid})), label=label, **style)
    axes.set(xscale="log", yscale="log", xlabel="model size N (parameters)")
    axes.set_yticks([2, 3, 5, 10], ["2", "3", "5", "10"])
    axes.minorticks_off()
    axes.set_title(f"{task} (p = {found.p_value:.2g})", loc="left", fontsize=10)
panels[0].set_ylabel("-log pass rate (nats)")
panels[0].legend(frameon=False)
figure.suptitle("Pass rates of two tasks against model size (synthetic)")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
