"""What to spend compute on: isoFLOP profiles and the frontier of a fitted law.

Synthetic points: the law of Hoffmann et al., arXiv:2203.15556 (E 1.69, A 406.4, B 410.7, α .34,
β .28), at 8 sizes and 8 amounts of data, with 0.5 % of seeded noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

N = np.repeat(np.geomspace(3e7, 1e10, 8), 8)
D = np.tile(np.geomspace(1e9, 3e11, 8), 8)
noise = np.exp(np.random.default_rng(2).normal(0, 0.005, N.size))
loss = (1.69 + 406.4 * N**-0.34 + 410.7 * D**-0.28) * noise
fit = lf.fit("chinchilla", {"N": N, "D": D, "loss": loss}, loss="squared")  # normal noise
print(fit)

best = lf.compute_optimal(fit, [1e20, 1e21, 1e22, 1e24])
low, high = best.exponent_interval[0]
print(best)
print(f"N grows as C^{best.exponent[0]:.3f} ({low:.3f} to {high:.3f}); the law's own is C^0.452")

figure = Figure(figsize=(9.6, 4.2), layout="constrained")
profiles, frontier = figure.subplots(1, 2)
for i, (flops, line) in enumerate(zip(best.flops[:3], ("-", "--", ":"), strict=True)):
    profile = lf.isoflop_profile(fit, flops, low=best.N[i] / 30, high=best.N[i] * 30)
    bias = lf.isoflop_bias(fit, flops, profile.N)
    print(f"parabola over 1/30 to 30 times the optimum of {flops:.0e}: N {bias.factor - 1:+.0%}")
    profiles.plot(profile.N, profile.loss, line, color="#0072B2", label=f"{flops:.0e} FLOPs")
    at = np.interp(bias.parabola, profile.N, profile.loss)
    profiles.plot(best.N[i], best.loss[i], "o", color="black", label="" if i else "optimum")
    miss = "" if i else "parabola's minimum"
    profiles.plot(bias.parabola, at, "x", color="#D55E00", markersize=8, label=miss)
profiles.set(xscale="log", xlabel="parameters N", ylabel="loss  (nats per token)")
profiles.set(title="isoFLOP profiles of the fitted law (synthetic)", ylim=(2.05, 3.7))
profiles.legend(frameon=False, ncols=2, loc="upper center")

more = lf.compute_optimal(fit, np.geomspace(1e18, 1e25, 40))
frontier.fill_between(more.flops, *more.N_interval.T, color="0.8", label="0.95 interval")
frontier.plot(more.flops, more.N, color="#0072B2", label="compute-optimal N")
frontier.plot(6 * N * D, N, ".", color="0.5", label="synthetic runs")
frontier.set(xscale="log", yscale="log", xlabel="compute C  (FLOPs)", ylabel="parameters N")
frontier.set_title("Compute-optimal size (synthetic)")
frontier.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
