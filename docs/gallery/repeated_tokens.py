"""What a token is worth that the model has seen before, by the data-constrained law.

Numbers printed by Muennighoff et al., arXiv:2305.16264 (log A 6.255414, log B 7.3049974,
log E 0.6254804, α = β = 0.3526596, R*_D 15.387756, R*_N 5.309743); nothing is fitted here.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

LAW = {"E": np.exp(0.6254804), "A": np.exp(6.255414), "B": np.exp(7.3049974)}
LAW |= {"alpha": 0.3526596, "beta": 0.3526596, "RD": 15.387756, "RN": 5.309743}
UNIQUE = 25e9  # tokens


def loss(size, epochs, *, fresh=False):
    """Return the loss after epochs over the unique tokens, or over as many fresh ones."""
    D, same = UNIQUE * epochs, np.ones(epochs.size)
    columns = {"N": size * same, "D": D, "U": D if fresh else UNIQUE * same}
    return lf.predict("data_constrained", LAW, columns)


def worth(epochs):
    """Return how many epochs of fresh tokens as many of repeated ones stand for."""
    return 1 + LAW["RD"] * (1 - np.exp(-(epochs - 1) / LAW["RD"]))


for N, D in ((6.34e9, 242e9), (8.67e9, 178e9)):
    [printed] = loss(N, np.array([D / UNIQUE]))
    print(f"N {N:.3g}, D {D:.3g}, of which {UNIQUE:.3g} unique: loss {printed:.5f}")
print("\n1.2e9 parameters, 25e9 unique tokens\nepochs  repeated   fresh    worth  next epoch")
table = np.array([1.0, 2, 4, 8, 16, 40, 100])
losses = loss(1.2e9, table), loss(1.2e9, table, fresh=True)
for row in zip(table, *losses, worth(table), worth(table + 1) - worth(table), strict=True):
    print("{:6.0f}  {:8.4f}  {:6.4f}  {:7.2f}  {:10.2f}".format(*row))

epochs = np.geomspace(1, 100, 200)
figure = Figure(figsize=(9.6, 4.2), layout="constrained")
left, right = figure.subplots(1, 2)
for size in (3e8, 1.2e9, 6e9):
    left.plot(epochs, loss(size, epochs, fresh=True), "--", color="0.3")
    left.plot(epochs, loss(size, epochs), color="#0072B2")
    left.text(100, loss(size, table)[-1] + 0.01, f"N = {size:.2g}", ha="right")
left.set_ylabel("loss  (nats per token)")
right.plot(epochs, epochs, "--", color="0.3", label="fresh tokens")
right.plot(epochs, worth(epochs), color="#0072B2", label="repeated tokens")
right.axhline(worth(np.inf), color="#D55E00", linestyle=":", label=f"limit, {worth(np.inf):.2f}")
right.set(yscale="log", ylim=(0.9, 60), ylabel="worth  (epochs of fresh tokens)")
for axes in (left, right):
    axes.set(xscale="log", xlabel="epochs over 25e9 unique tokens")
    axes.set_xticks([1, 2, 4, 10, 40, 100], [1, 2, 4, 10, 40, 100])
    axes.minorticks_off()
right.set_yticks([1, 2, 4, 10, 40], [1, 2, 4, 10, 40])
right.legend(frameon=False)
figure.suptitle("Repeated and fresh tokens, by the published data-constrained law")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
