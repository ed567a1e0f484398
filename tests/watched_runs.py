"""Logs of real runs as `lawfit watch` is given them."""

import lawfit as lf

PLANS = {
    "constant_4000": "constant steps=4000 peak=3e-3 warmup=200 ramp=shifted",
    "wsd_4000": "wsd steps=4000 peak=3e-3 warmup=200 decay_start=3200 end=3e-5 ramp=shifted "
    "endpoint=true",
}


def curve(name="wsd_4000"):
    """One of the samples."""
    return next(c for c in lf.samples.curves() if c.name == name)


def lines(name="wsd_4000", *, until=None, scale=None):
    """A sample as the lines of a table; losses at some steps times a factor."""
    run = curve(name)
    rates = run.schedule.at(run.steps).tolist()
    found = ["step,lr,loss\n"]
    for step, lr, loss in zip(run.steps.tolist(), rates, run.loss.tolist(), strict=True):
        if until is None or step <= until:
            found.append(f"{step},{lr!r},{loss * (scale or {}).get(step, 1.0)!r}\n")
    return found
