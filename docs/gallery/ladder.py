"""The ladder of Bhagia et al. 2024 (arXiv:2412.04403): sizes to task loss, task loss to accuracy.

Synthetic: models of 190M to 1.3B parameters forecast 7B and 13B. 0.1% of noise on the task loss,
5000 questions to an accuracy.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

TRUE_LOSS = {"E": 0.45, "A": 120.0, "alpha": 0.28, "B": 190.0, "beta": 0.27}
TRUE_STEP = {"a": -0.7, "k": 7.0, "L0": 1.0, "b": 0.95}  # down to a quarter, a guess
rng = np.random.default_rng(2)
N = np.repeat([1.9e8, 3.7e8, 7.6e8, 1.3e9], 4)
D = N * np.tile([20, 40, 100, 200], 4)  # tokens a parameter
target = {"N": np.array([7e9, 13e9]), "D": np.array([4e12, 5e12])}


def truth(sizes):
    """Return task loss and accuracy without noise."""
    loss = lf.predict("task_loss", TRUE_LOSS, sizes)
    return loss, lf.predict("accuracy_ladder", TRUE_STEP, {"task_loss": loss})


loss, share = truth({"N": N, "D": D})
loss, share = loss * np.exp(rng.normal(0, 0.001, N.size)), rng.binomial(5000, share) / 5000
data = {"N": N, "D": D, "task_loss": loss, "accuracy": share}
first = lf.fit("task_loss", data)
second = lf.fit("accuracy_ladder", data, loss="binomial", space="linear", weights=[5000] * 16)
print(first, second, sep="\n")
ahead = first.predict(target)
forecasts = ahead, second.predict({"task_loss": ahead})
print("\n        N        D   task loss  (true)   accuracy  (true)")
for row in zip(*target.values(), *forecasts, *truth(target), strict=True):
    print("{0:9.3g} {1:8.3g}    {2:.4f}  ({4:.4f})   {3:.4f}  ({5:.4f})".format(*row))

figure = Figure(figsize=(9, 4), layout="constrained")
rungs = figure.subplots(1, 2)
x = np.geomspace(1.7e8, 1.5e9, 50)
for tokens, dash in zip((20, 40, 100, 200), ("-", "--", "-.", ":"), strict=True):
    line = first.predict({"N": x, "D": x * tokens})
    rungs[0].plot(x, line, color="#0072B2", linestyle=dash, label=f"D = {tokens} N")
rungs[0].plot(N, loss, "o", color="0.3", markersize=4)
rungs[0].set(xscale="log", xlabel="model size N (parameters)", ylabel="task loss (nats)")
rungs[0].set_xticks(N[::4], ["190M", "370M", "760M", "1.3B"])
rungs[0].minorticks_off()
x = np.linspace(0.9 * ahead.min(), loss.max(), 100)
rungs[1].plot(loss, share, "o", color="0.3", markersize=4, label="small models")
rungs[1].plot(x, second.predict({"task_loss": x}), color="#0072B2", label="fitted step")
rungs[1].plot(*forecasts, "D", color="#D55E00", label="forecast of 7B and 13B")
rungs[1].plot(*truth(target), "D", color="#D55E00", markerfacecolor="w", label="their truth")
rungs[1].set(xlabel="task loss (nats)", ylabel="accuracy (share)", ylim=(0, 1))
rungs[0].legend(frameon=False)
rungs[1].legend(frameon=False)
figure.suptitle("Two rungs from small models to large ones (synthetic)")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
