"""Two laws over learning-rate schedules, fitted to the same two runs, forecast the other six.

Real runs of the three sample models; the fits see constant_4000 and cosine_4000 from step 600 on.
λ is chosen on these two. Multi-power's β is held at 0.6, near the published fits (0.58 to 0.60,
arXiv:2503.12811): two curves without a sharp fall of the LR do not determine it. Over all points
annealing forecasts better, at the ends of the largest model multi-power does; most come out low.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf
from lawfit import plot

FITTED = ["constant_4000", "cosine_4000"]
LAWS = {
    "annealing": {"profile": {"lam": [0.98, 0.985, 0.99, 0.9925, 0.995, 0.9965, 0.998, 0.999]}},
    "multi_power": {"fixed": {"beta": 0.6}},
}
fits = {}
print("mean absolute error of the six forecasts, nats per byte: of all points, of the last one")
print("parameters  " + "".join(f"{law:>22}" for law in LAWS))
for size in lf.samples.sizes():
    curves = lf.samples.curves(size)
    unseen = curves[[name for name in curves.names if name not in FITTED]]
    print(f"{size:10}  ", end="")
    for law, options in LAWS.items():
        fit = fits[law] = lf.fit(law, curves[FITTED], skip_steps=600, **options)
        ends = [fit.predict(curve, at=curve.steps[-1:])[0] - curve.loss[-1] for curve in unseen]
        print(f"{fit.score(unseen).mean().MAE:14.4f}{np.mean(np.abs(ends)):8.4f}", end="")
    print()

print(f"\n{size} parameters      all points           last point, forecast - measured")
print("schedule       " + "".join(f"{law:>12}" for law in LAWS) * 2)
for curve in unseen:
    scores = [fit.score(curve)[curve.name].MAE for fit in fits.values()]
    ends = [fit.predict(curve, at=curve.steps[-1:])[0] - curve.loss[-1] for fit in fits.values()]
    row = "".join(f"{x:12.4f}" for x in scores) + "".join(f"{x:+12.4f}" for x in ends)
    print(f"{curve.name:15}{row}")

figure = Figure(figsize=(9.6, 4.8), layout="constrained")
panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 1))
for (above, below), curve in zip(panels.T, unseen[["wsd_4000", "twostage_4000"]], strict=True):
    above.plot(curve.steps, curve.loss, ".", color="0.6", label="measured")
    for (law, fit), style in zip(fits.items(), (("#0072B2", "-"), ("#D55E00", "--")), strict=True):
        steps = np.arange(600, curve.schedule.steps)
        line = fit.predict(curve.schedule, at=steps)
        above.plot(steps, line, color=style[0], linestyle=style[1], label=law)
    above.set_title(f"{curve.name}, forecast", loc="left", fontsize=10)
    plot.learning_rate(below, curve.schedule)
above.legend(frameon=False)
panels[0, 0].set(ylim=(1.25, 2.2), ylabel="loss  (nats per byte)")
panels[1, 1].set_ylabel("")
figure.suptitle(f"Measured runs of {size} parameters, forecast from two other schedules")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
