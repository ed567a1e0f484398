"""The two-thirds law of dark matter flow, with its exponent held and free.

Synthetic points: y = (ε·r)^(2/3), the law of arXiv:2202.06515, with a chosen cascade rate of
ε = 4.6e-7 m²/s³ and 5 % of seeded noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

MPC = 3.0857e22  # metres
r = np.geomspace(0.05, 2, 24)  # Mpc
exact = (4.6e-7 * r * MPC) ** (2 / 3) / 1e6  # km²/s²
y = exact * np.exp(np.random.default_rng(0).normal(0, 0.05, r.size))

law = lf.Law("two-thirds", "a * r**p", {"a": lf.Parameter(0), "p": ...}, y="y")
free = lf.fit(law, {"r": r, "y": y}, loss="squared")
held = lf.fit(law, {"r": r, "y": y}, loss="squared", fixed={"p": 2 / 3})
for name, fit in (("free", free), ("held", held)):
    a, p = fit.params["a"], fit.params["p"]
    print(f"exponent {name}: a = {a:.0f} ± {fit.stderr['a']:.0f} km²/s²", end="")
    print(f", p = {p:.4f} ± {fit.stderr['p']:.4f}, sum of squares {2 * fit.objective:.5f}")
distance = (free.params["p"] - 2 / 3) / free.stderr["p"]
print(f"2/3 is {abs(distance):.1f} standard errors away")

figure = Figure(figsize=(6.4, 4.8), layout="constrained")
top, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
fine = {"r": np.geomspace(0.04, 2.5, 100)}
for axes, divide in ((top, False), (below, True)):
    for table, values, style in (
        ({"r": r}, y, {"marker": "o", "linestyle": "none", "color": "0.6", "label": "synthetic"}),
        (fine, held.predict(fine), {"color": "#0072B2", "label": "exponent held at 2/3"}),
        (fine, free.predict(fine), {"color": "#D55E00", "linestyle": "--", "label": "free"}),
    ):
        scale = table["r"] ** (2 / 3) if divide else 1
        axes.plot(table["r"], values / scale, **style)
top.set(yscale="log", xscale="log", ylabel="⟨Δu²⟩  (km²/s²)", title="Two-thirds law (synthetic)")
below.set(xlabel="separation r  (Mpc)", ylabel="⟨Δu²⟩ / r^(2/3)\n(km²/s²/Mpc^(2/3))")
top.legend(frameon=False)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
