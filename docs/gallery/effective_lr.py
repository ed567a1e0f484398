"""The learning rate that weights before a normalisation layer see: η over their squared norm.

By the recursion of AdamP (arXiv:2006.08217, section 2) for momentum SGD without weight decay, with
made-up norms: updates of norm 1 and weights of initial norm 1. Nothing is fitted here. The areas
S1 and S2 are those a law over the effective schedule is fitted on; S2 starts after the warm-up.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

STEPS = 10000
schedules = {
    "cosine": lf.schedules.cosine(steps=STEPS, peak=0.05, warmup=200),
    "wsd": lf.schedules.wsd(steps=STEPS, peak=0.05, warmup=200, decay_start=8000),
}
constant = lf.schedules.constant(steps=STEPS, peak=0.05)
growth = [
    lf.weight_norms(constant, update_norms=1.0, initial_norm=1.0, momentum=beta)[-1] ** 2 - 1
    for beta in (0.9, 0.0)
]
print(f"constant LR: momentum 0.9 makes ‖w‖² grow {growth[0] / growth[1]:.2f} times as fast")
print("\nschedule  momentum  final ‖w‖        S1  effective S1        S2  effective S2")

figure = Figure(figsize=(9.6, 5.4), layout="constrained")
panels = figure.subplots(2, 2, sharex=True, sharey="row")
steps = np.arange(STEPS)
for column, (name, schedule) in zip(panels.T, schedules.items(), strict=True):
    column[0].plot(steps, schedule.lr, color="0.5", linestyle=":", label="LR as set")
    s1, s2 = schedule.areas(lam=0.999, at=steps, warmup="skip")
    column[1].plot(steps, s1 / s1[-1], color="0.5", linestyle=":", label="of the LR as set")
    for beta, color, line in ((0.0, "#D55E00", "--"), (0.9, "#0072B2", "-")):
        how = {"update_norms": 1.0, "initial_norm": 1.0, "momentum": beta}
        seen = lf.effective_lr(schedule, **how)
        norm = lf.weight_norms(schedule, **how)[-1]
        e1, e2 = seen.areas(lam=0.999, at=steps, warmup="skip")
        row = f"{s1[-1]:10.4g}{e1[-1]:14.4g}{s2[-1]:10.4g}{e2[-1]:14.4g}"
        print(f"{name:8}  {beta:8}  {norm:9.4g}{row}")
        label = f"effective, momentum {beta:g}"
        column[0].plot(steps, seen.lr, line, color=color, label=label)
        column[1].plot(steps, e1 / e1[-1], line, color=color, label=label)
    column[0].set(yscale="log", ylim=(1e-5, 0.1), title=name)
    column[1].set_xlabel("step")
panels[0, 0].set_ylabel("learning rate")
panels[1, 0].set_ylabel("share of the final S1")
panels[0, 0].legend(frameon=False, loc="lower left")
panels[1, 1].legend(frameon=False, loc="lower right")
figure.suptitle("Learning rate as set and as scale-invariant weights see it (made-up norms)")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
