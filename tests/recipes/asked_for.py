"""Do generators make what was asked for, find classes by themselves, and reach all modes? On MNIST, by a judge.

python -m tests.recipes.asked_for          writes docs/results/asked-for.md and its picture

Each run has a folder of its own under runs/asked-for and is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.plots.latents import image_tables
from neurarium.runs.run import Run
from neurarium.tasks.generation_measures import class_coverage, stacked_labels
from neurarium.train import launch
from tests.recipes.games import judge
from tests.recipes.resumable import finished_run

FIXED: dict[str, Any] = {"threads": 1, "precision": "bfloat16", "compile": "off", "evaluations": 5}
SEEDS = (0, 1, 2)
CONDITIONAL = {"steps": 5000}
CODED = {"steps": 3000}
STACKED: dict[str, dict[str, Any]] = {"dcgan": {"steps": 2000}, "wgan-gp": {"steps": 600}}
STACKED_WIDTH = 16
SAMPLES = 26_000
"""Of stacked digits, as in Lin et al. 2018."""
RESULTS = Path(__file__).parents[2] / "docs" / "results"
PICTURE = "asked-for.png"


def clustering(run: Run) -> float:
    """Share of test images whose category, read by Q, is the one that stands for their class under the best pairing."""
    task: Any = api.open_run(run.path).load()
    data: Any = open_labelled("mnist", batch_size=1)
    x, y = data.items("test")
    categories = task.condition.categories
    with torch.no_grad():
        read = torch.cat(
            [task.discriminator(task.inputs(part))[:, 1 : 1 + categories].argmax(1) for part in x.split(500)]
        )
    return paired_share(read.numpy(), y.numpy())


def paired_share(found: np.ndarray, true: np.ndarray) -> float:
    """Clustering accuracy: share of items (N,) whose cluster is paired with their class, one to one at best."""
    counts = np.zeros((int(found.max()) + 1, int(true.max()) + 1))
    np.add.at(counts, (found, true), 1)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(found))


def modes(sample: Callable[[int], torch.Tensor], judged_by: str) -> dict[str, float]:
    """Of the thousand classes of stacked digits, those that a classifier sees. sample: 1,000 stacks from a seed."""
    reader: Any = api.open_run(judged_by).load()
    parts = [stacked_labels(reader.predict, sample(seed)) for seed in range(SAMPLES // 1000)]
    return class_coverage(torch.cat(parts), 1000)


def generated(run: Run) -> Callable[[int], torch.Tensor]:
    task: Any = api.open_run(run.path).load()
    return lambda seed: task.sample(1000, seed=seed)


def real() -> Callable[[int], torch.Tensor]:
    data: Any = open_labelled("mnist", batch_size=1)
    x = data.items("train")[0][:, 0]

    def sample(seed: int) -> torch.Tensor:
        chosen = torch.randint(len(x), (1000, 3), generator=torch.Generator().manual_seed(seed))
        return x[chosen].float() / 255

    return sample


def each(values: Sequence[float], digits: int) -> str:
    return f"{statistics.fmean(values):.{digits}f} ({', '.join(f'{value:.{digits}f}' for value in values)})"


def page(lines: Sequence[str], seeds: Sequence[int], judge_accuracy: float) -> str:
    told = (
        f"`python -m tests.recipes.asked_for`, seeds {', '.join(str(seed) for seed in seeds)}, MNIST, one thread, "
        f"bfloat16. The judge is a LeNet-5 with a test accuracy of {judge_accuracy:.4f}. Means, and each seed.",
        "`conditional-gan`: share of 2,000 samples that the judge names as the class that was asked for. `infogan`: "
        "share of the test images whose category, as the discriminator reads it, is the one that stands for their "
        "class under the best pairing of ten categories with ten classes; no label was used before. `stacked-mnist`: "
        "of the 1,000 "
        f"classes of three digits, those that the judge finds in {SAMPLES:,} samples, and the KL divergence in nats of "
        "their shares from even ones; the last rows are of as many stacks of training images.",
        "\n".join(["| system | rounds | measure | mean (each seed) |", "|---|---|---|---|", *lines]),
        "![Ten digits of each class, asked for](" + PICTURE + ")",
        f"Measured on {datetime.now(UTC).date().isoformat()}, {launch.environment()['machine']}.",
    )
    return "\n\n".join(("# What was asked for", *told)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--runs", type=Path, default=Path("runs/asked-for"))
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args()
    known = judge("mnist", given.runs)

    def runs(recipe: str, name: str, **knobs: Any) -> list[Run]:
        return [
            finished_run(given.runs / f"{name}-{knobs['steps']}-{seed}", recipe, **knobs, seed=seed, **FIXED)
            for seed in given.seeds
        ]

    lines = []

    def tell(system: str, steps: int, measure: str, values: Sequence[float], digits: int) -> None:
        lines.append(f"| `{system}` | {steps:,} | {measure} | {each(values, digits)} |")
        print(lines[-1], flush=True)

    asked = runs("conditional-gan", "conditional", judge=known, **CONDITIONAL)
    right = [run.rows("test")[-1]["judge_accuracy"] for run in asked]
    tell("conditional-gan", CONDITIONAL["steps"], "as asked for", right, 4)
    task: Any = api.open_run(asked[0].path).load()
    labels = [label for label in range(10) for _ in range(10)]
    digits = task.sample(100, labels=labels, seed=1)
    image_tables({"": digits.view(10, 10, *digits.shape[1:])}).savefig(given.to / PICTURE, bbox_inches="tight")
    coded = runs("infogan", "infogan", **CODED)
    tell("infogan", CODED["steps"], "category is the class", [clustering(run) for run in coded], 3)
    for system, knobs in STACKED.items():
        found = [
            modes(generated(run), known)
            for run in runs(system, f"stacked-{system}", data="stacked-mnist", width=STACKED_WIDTH, **knobs)
        ]
        label = f"{system} --data stacked-mnist"
        tell(label, knobs["steps"], "modes of 1,000", [each["modes"] for each in found], 0)
        tell(label, knobs["steps"], "divergence", [each["divergence"] for each in found], 2)
    own = modes(real(), known)
    tell("training images, stacked", 0, "modes of 1,000", [own["modes"]], 0)
    tell("training images, stacked", 0, "divergence", [own["divergence"]], 2)
    accuracy = Run.open(known).rows("test")[-1]["accuracy"]
    (given.to / "asked-for.md").write_text(page(lines, given.seeds, accuracy), encoding="utf-8")


if __name__ == "__main__":
    main()
