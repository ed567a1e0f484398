"""A large model's loss at its end from a short log, with shapes carried over from small models.

Real runs of the three sample models. Of the large one each log stops at step 1600 of 4000. Four of
the seven learning rates have not fallen by then: by itself such a log leaves C undetermined, at 0.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

STOP, SKIP = 1600, 600  # steps
*SMALL, LARGE = lf.samples.sizes()


def named(curve):
    """Return a curve with its size in its name."""
    return curve.renamed(f"{curve.name} {curve.params:g}")


known = [named(curve) for size in SMALL for curve in lf.samples.curves(size)]
wholes = [curve for curve in lf.samples.curves(LARGE) if curve.schedule.steps == 4000]
how = {"by": "params", "shared": ["alpha", "C", "lam"], "fixed": {"lam": None}}
errors, lines = {"alone": [], "shared": []}, {}
print(f"{LARGE} parameters, logged to step {STOP} of 4000; alpha, C and lam shared by three sizes")
print("loss at the end   measured    alone   shared  status alone")
for whole in wholes:
    short = named(whole).until(STOP - 1)
    together = lf.fit("annealing", [*known, short], skip_steps=SKIP, **how)
    alone = lf.fit("annealing", short, skip_steps=SKIP, fixed={"lam": together.params["lam"]})
    for name, fit in (("alone", alone), ("shared", together[LARGE])):
        lines[whole.name, name] = fit.predict(whole.schedule)
        errors[name].append(lines[whole.name, name][-1] - whole.loss[-1])
    ends = "{:+9.3f}{:+9.3f}".format(*(values[-1] for values in errors.values()))
    print(f"{whole.name:15}{whole.loss[-1]:11.3f}{ends}  {alone.status}")
print("mean absolute error {:15.3f}{:9.3f}".format(*np.abs(list(errors.values())).mean(axis=1)))

figure = Figure(figsize=(9.6, 4.2), layout="constrained")
left, right = figure.subplots(1, 2)
whole = wholes[5]  # wsd_4000
early, steps = whole.steps < STOP, np.arange(SKIP, 4000)
left.plot(whole.steps[early], whole.loss[early], "o", color="0.3", markersize=3, label="log so far")
left.plot(whole.steps[~early], whole.loss[~early], ".", color="0.65", label="measured later")
for name, color, dash in (("alone", "#D55E00", "s--"), ("shared", "#0072B2", "o-")):
    left.plot(steps, lines[whole.name, name][SKIP:], dash[1:], color=color, label=name)
    right.plot(errors[name], range(7), dash[0], color=color, label=name)
left.set(xlabel="step", ylabel="loss  (nats per byte)", ylim=(1.3, 2.1))
left.set_title(f"{whole.name}: its LR falls from step 3200", fontsize=10)
right.axvline(0, color="0.7", linewidth=1)
right.set_yticks(range(7), [curve.name.removesuffix("_4000") for curve in wholes])
right.set(xlabel="forecast - measured loss at the end  (nats per byte)", ylim=(6.5, -0.5))
left.legend(frameon=False)
right.legend(frameon=False)
figure.suptitle(f"{LARGE} parameters forecast from the first 40 % of a run")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
