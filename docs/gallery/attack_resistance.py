"""How many output tokens an attacker of activations dictates: t_max = κ·a, and what resists.

The law is that of arXiv:2312.02780. Synthetic points: slopes κ chosen for χ = 20 input bits per
output bit, with 8 % of seeded noise; two widths of 16-bit activations, 50304 words.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

WORDS, BITS, CHI = 50304, 16, 20
rng = np.random.default_rng(1)
law = lf.Law("attack", "kappa * a", {"kappa": lf.Parameter(0)}, y="t_max")

figure = Figure(figsize=(6.4, 4.2), layout="constrained")
axes = figure.subplots()
for width, marker, line in ((512, "o", "-"), (2048, "s", "--")):
    a = np.array([1, 2, 3, 4, 6, 8, 12, 16])  # tokens whose activations are attacked
    kappa = width * BITS / (CHI * np.log2(WORDS))
    t_max = kappa * a * np.exp(rng.normal(0, 0.08, a.size))
    fit = lf.fit(law, {"a": a, "t_max": t_max}, loss="squared")

    drawn = lf.fit_draws(fit, 4000)[:, 0]
    sizes = {"dimension": width, "vocabulary": WORDS, "bits": BITS}
    chi = lf.attack_resistance(fit.params["kappa"], **sizes)
    low, high = np.quantile(lf.attack_resistance(drawn, **sizes), [0.025, 0.975])
    shown = f"κ = {fit.params['kappa']:.1f} ± {fit.stderr['kappa']:.1f}"
    print(f"width {width:4}: {shown} tokens per token, χ = {chi:.1f} ({low:.1f} to {high:.1f})")

    fine = np.linspace(0.9, 18, 50)
    axes.plot(a, t_max, marker, color="0.55")
    label = f"width {width}: κ = {fit.params['kappa']:.0f}, χ = {chi:.1f}"
    axes.plot(fine, fit.predict({"a": fine}), line, color="#0072B2", label=label)
axes.set(xscale="log", yscale="log", title="Attack multiplier and resistance (synthetic)")
axes.set(xlabel="attacked tokens a", ylabel="output tokens dictated, t_max")
axes.legend(frameon=False, loc="upper left")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
