"""python -m benchmarks.tables [--rounds 5]: the recipe mlp beside scikit-learn's perceptron of many layers.

Both see the same training rows, standardised, and are scored on the same test rows; each is used with its defaults.
Ours is told twice: the time of training alone (steps, evaluations, checkpoints), as scikit-learn's `fit` is, and the
whole call with the audit of the data, the pictures and the report.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import record
from neurarium import api
from neurarium.data.sources import open_labelled

PROBLEMS = ("xor", "moons", "spirals", "wine", "breast-cancer", "digits", "housing", "diabetes")


class Silent:
    """A screen that shows nothing."""

    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    def say(self, text: str) -> None: ...


def ours(name: str, seed: int) -> dict[str, float]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = api.train("mlp", data=name, seed=seed, runs=folder, screen=Silent())
        call = time.perf_counter() - started
        # For numbers the loss is the mean squared error in variances of the training target.
        score = run.test["accuracy"] if "accuracy" in run.test else run.test["loss"]
        return {"score": score, "fit": run.run.header["seconds"], "call": call}


def theirs(name: str, seed: int) -> dict[str, float]:
    data: Any = open_labelled(name, batch_size=1)
    (x, y), (test_x, test_y) = (
        (part.x.flatten(1).numpy().astype(float), part.y.numpy()) for part in (data.items("train"), data.items("test"))
    )
    kind = MLPClassifier if data.spec.classes else MLPRegressor
    model = make_pipeline(StandardScaler(), kind(random_state=seed))
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default of 200 epochs is what we compare with
        model.fit(x, y)
    seconds = time.perf_counter() - started
    if data.spec.classes:
        return {"score": float(model.score(test_x, test_y)), "fit": seconds}
    return {"score": float(((model.predict(test_x) - test_y) ** 2).mean()), "fit": seconds}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("problems", nargs="*", default=PROBLEMS)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    ours("moons", 0)  # imports and first calls
    rows = []
    for name in arguments.problems:
        pairs = [(ours(name, seed), theirs(name, seed)) for seed in range(arguments.rounds)]
        row = {
            "problem": name,
            "ours": statistics.fmean(a["score"] for a, _ in pairs),
            "theirs": statistics.fmean(b["score"] for _, b in pairs),
            "our_fit": statistics.median(a["fit"] for a, _ in pairs),
            "our_call": statistics.median(a["call"] for a, _ in pairs),
            "their_fit": statistics.median(b["fit"] for _, b in pairs),
            "ratio": statistics.median(a["fit"] / b["fit"] for a, b in pairs),
            "pairs": pairs,
        }
        rows.append(row)
        print(
            f"{name:14} score {row['ours']:.4f} for {row['theirs']:.4f}   fit {row['our_fit']:6.2f} s for "
            f"{row['their_fit']:6.2f} s (ratio {row['ratio']:.2f})   whole call {row['our_call']:6.2f} s",
            flush=True,
        )
    record.append(f".tables --rounds {arguments.rounds}", rows=rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
