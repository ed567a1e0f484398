"""Where a multiple-choice score loses its predictability on the way from log-probability.

Synthetic: 40 models answer 300 questions of four choices. Compute moves the right answer's logit
steadily; wrong choices have logits of their own, which drift with compute as well, some together
with the right one. That is the mechanism of Schaeffer et al. 2024 (arXiv:2406.04391).
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import lawfit as lf

MODELS, SAMPLES = 40, 300
rng = np.random.default_rng(11)
compute = np.geomspace(1e19, 1e24, MODELS)
progress = np.linspace(0, 1, MODELS)[:, None]
hardness, gain = rng.normal(-9, 1.5, SAMPLES), rng.gamma(6, 0.6, SAMPLES)
right = hardness + gain * progress + rng.normal(0, 0.25, (MODELS, SAMPLES))
drift = rng.normal(0.3, 0.5, (SAMPLES, 3)) * gain[:, None]
wrong = hardness[:, None] + rng.normal(0, 1.5, (SAMPLES, 3)) + drift * progress[:, :, None]
wrong = wrong + rng.normal(0, 0.6, (MODELS, SAMPLES, 3))
log_probs = np.minimum(np.concatenate([right[:, :, None], wrong], axis=2), -1e-3)

chain = lf.downstream_chain(log_probs, np.zeros(SAMPLES, dtype=int))
found = lf.predictability(chain, compute)
print(found.summary())
print()
print(found)
for link, fall in found.lost().items():
    print(f"  to {link:10} {-fall:+.3f}")

figure = Figure(figsize=(6.5, 4), layout="constrained")
axes = figure.add_subplot(
    xlabel="rank correlation of a sample's score with log compute", ylabel="share of samples below"
)
constant = found.constant("accuracy")
styles = {
    "log_p_vocab": ("log p among all texts", "#0072B2", "-"),
    "p_choices": ("p among the choices", "#009E73", "--"),
    "brier": ("Brier score, negative", "#CC79A7", ":"),
    "accuracy": (f"accuracy ({constant} samples never vary)", "#D55E00", "-."),
}
for link, (name, color, dash) in styles.items():
    values = found.correlations[link]["spearman"]
    values = np.sort(values[~np.isnan(values)])
    share = np.arange(1, len(values) + 1) / len(values)
    axes.step(values, share, where="post", color=color, linestyle=dash, label=name)
axes.set_title("Predictability along the chain to accuracy (synthetic)")
axes.legend(frameon=False, loc="upper left")
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
