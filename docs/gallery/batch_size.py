"""What a bigger batch buys, by Kaplan's law in which the critical batch depends on the loss.

Numbers printed by Kaplan et al., arXiv:2001.08361 (Nc 6.5e13, αN 0.077, Sc 2.1e3, αS 0.76,
B* 2.1e8 tokens, αB 0.21); the points fitted back are synthetic, with 0.2 % of seeded noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

KAPLAN = {"Nc": 6.5e13, "alpha_N": 0.077, "Sc": 2.1e3, "alpha_S": 0.76}
KAPLAN |= {"Bstar": 2.1e8, "alpha_B": 0.21}
SIZE = 1e9  # parameters of the model in the picture

axes = (np.geomspace(1e7, 1e10, 7), np.geomspace(3e3, 3e5, 6), np.geomspace(3e4, 1e7, 6))
N, S, B = (grid.ravel() for grid in np.meshgrid(*axes))
exact = lf.predict("kaplan_nsb", KAPLAN, {"N": N, "S": S, "B": B})
loss = exact * np.exp(np.random.default_rng(4).normal(0, 0.002, N.size))
fit = lf.fit("kaplan_nsb", {"N": N, "S": S, "B": B, "loss": loss}, loss="squared")
print(f"fitted back to {fit.n} points: {fit.status}\n  parameter  printed    fitted  stderr")
for name, value in KAPLAN.items():
    error = fit.stderr[name] / fit.params[name]
    print(f"  {name:9} {value:8.4g}  {fit.params[name]:8.4g}  {error:5.1%}")

figure = Figure(figsize=(9.6, 4.2), layout="constrained")
panels = figure.subplots(1, 2, sharey=True)
batch = np.geomspace(1e4, 3e7, 300)
print("\nloss at the critical batch size, nats per token, 1e9 parameters")
for axes, what, unit, lengths in (
    (panels[0], "steps", "steps", (1e4, 3e4, 1e5)),
    (panels[1], "tokens", "tokens", (2e9, 1e10, 5e10)),
):
    for length, line in zip(lengths, ("-", "--", ":"), strict=True):
        steps = np.full(batch.size, length) if what == "steps" else length / batch
        curve = fit.predict({"N": np.full(batch.size, SIZE), "S": steps, "B": batch})
        critical = fit.params["Bstar"] / curve ** (1 / fit.params["alpha_B"])
        here = np.exp(np.interp(0, np.log(batch / critical), np.log(batch)))
        at = np.interp(here, batch, curve)
        print(f"  {length:7.0e} {unit:6}  loss {at:.3f}  critical batch {here:.3g} tokens")
        axes.plot(batch, curve, line, color="#0072B2", label=f"{length:.0e} {unit}")
        label = "batch is critical" if length == lengths[-1] else ""
        axes.plot(here, at, "o", color="#D55E00", label=label)
    axes.set(xscale="log", xlabel="batch size B  (tokens)", ylim=(2.2, 5))
    axes.set_title(f"Fixed {what}", loc="left", fontsize=10)
    axes.legend(frameon=False, loc="upper right" if what == "steps" else "upper left")
panels[0].set_ylabel("loss  (nats per token)")
figure.suptitle("A billion parameters by Kaplan's law, fitted to synthetic points")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
