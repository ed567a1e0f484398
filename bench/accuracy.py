"""Print our optima of published fits beside the published numbers.

    python bench/accuracy.py

Needs the published data beside the checkout, as the tests of the same numbers do; their tables are
used here.
"""

import sys
from pathlib import Path

import lawfit as lf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from golden_data import (
    MULTIPOWER_TEST,
    MULTIPOWER_TRAIN,
    annealing_curves,
    chinchilla_points,
    multipower_curves,
)
from test_goldens import G1, G2


def shown(fit):
    values = "  ".join(f"{name} {value:.8g}" for name, value in fit.params.items())
    return f"objective {fit.objective:.10g}  {values}  ({fit.starts_agreed}/{fit.starts_asked})"


def main():
    print("annealing law, two published curves; listed objective, ours")
    for lam, (*_, objective, _) in G1.items():
        fit = lf.fit("annealing", annealing_curves(), fixed={"lam": lam})
        print(f"  {objective:.9g}: {shown(fit)}  R2 {fit.training.R2:.8f}")
    print("annealing law, multi-power's curves; listed train objective and test MAE, ours")
    for size, (*_, objective, _, mae, _, _, _) in G2.items():
        train, test = (multipower_curves(size, n) for n in (MULTIPOWER_TRAIN, MULTIPOWER_TEST))
        fit = lf.fit("annealing", train, warmup="skip", skip_steps=0)
        mean = fit.score(test).mean()
        print(f"  {size}M {objective:.4g}, {mae:.5f}: {shown(fit)}")
        print(
            f"    test R2 {mean.R2:.4f}  MAE {mean.MAE:.5f}  RMSE {mean.RMSE:.5f}  "
            f"PredE {mean.PredE:.5f}  WorstE {mean.WorstE:.5f}"
        )
    print(
        "Chinchilla, 240 points (best known 1.018274018e-3), from the default starts and ten seeds"
    )
    for seed in (0, *range(10)):
        fit = lf.fit("chinchilla", chinchilla_points(), rng=seed)
        print(f"  {shown(fit)}")
    print("Chinchilla, 245 points (listed 1.82601e-3)")
    print(f"  {shown(lf.fit('chinchilla', chinchilla_points(drop=0)))}")


if __name__ == "__main__":
    main()
