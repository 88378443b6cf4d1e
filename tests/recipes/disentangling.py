"""What weight of the divergence makes codes of drawn shapes tell of one factor each, and what it costs.

python -m tests.recipes.disentangling          writes docs/results/disentangling.md and its picture

Each run has a folder of its own under runs/disentangling and is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurarium import api
from neurarium.data.images import resize
from neurarium.data.shapes import SIZES, draw
from neurarium.plots.latents import image_tables
from neurarium.runs.run import Run
from neurarium.tasks.disentanglement import factor_score, mutual_information_gap
from neurarium.tasks.vae_pictures import traversals
from neurarium.train import launch
from tests.recipes.resumable import finished_run

FIXED: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off", "evaluations": 2}
BETAS = (0.5, 1.0, 2.0, 4.0, 8.0)
SEEDS = (0, 1, 2)
EPOCHS = 70.0
PICTURE = "disentangling.png"
HEADS = ("reconstruction", "divergence", "factor score", "gap", "used")
COLUMNS = ("reconstruction", "divergence", "factor_score", "gap", "used")
RESULTS = Path(__file__).parents[2] / "docs" / "results"


def measured(run: Run) -> dict[str, float]:
    """Of all images and their factors, seen in training or not: the score is about codes, not about new images."""
    task: Any = api.open_run(run.path).load()
    factors = np.indices(SIZES).reshape(len(SIZES), -1).T
    images = resize(torch.from_numpy(draw(factors)), *task.inputs.size)
    codes = task.encode(images).cpu().numpy()
    test = run.rows("test")[-1]
    return {
        "reconstruction": test["reconstruction"],
        "divergence": test["divergence"],
        "factor_score": factor_score(codes, factors),
        "gap": mutual_information_gap(codes, factors),
        "used": float((codes.var(0) > 0.05).sum()),
    }


def line(beta: float, found: Sequence[dict[str, float]]) -> str:
    cells = []
    for name in COLUMNS:
        values = [each[name] for each in found]
        digits = 1 if name in COLUMNS[:2] or name == "used" else 3
        cells.append(f"{statistics.fmean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}")
    return f"| {beta:g} | " + " | ".join(cells) + " |"


def moves(run: Run) -> torch.Tensor:
    """One shape, each number of whose code is moved from -2 to 2, the number that varies most first."""
    task: Any = api.open_run(run.path).load()
    images = resize(torch.from_numpy(draw(np.indices(SIZES).reshape(len(SIZES), -1).T)), *task.inputs.size)
    codes = task.encode(images)
    order = codes.var(0).argsort(descending=True).tolist()
    return traversals(task, codes[len(codes) // 2], order, values=torch.linspace(-2, 2, 7).tolist())


def page(lines: Sequence[str], seeds: Sequence[int], epochs: float) -> str:
    told = (
        f"`python -m tests.recipes.disentangling` trains `beta-vae` for {epochs:g} epochs on drawn shapes of 32 x 32 "
        "pixels, binarised once, with five known factors (3 shapes, 3 scales, 8 orientations, 8 x 8 places), from "
        f"seeds {', '.join(str(seed) for seed in seeds)}, one thread, float32. Mean and standard deviation over the "
        "seeds.",
        "Reconstruction: E[-log p(x | z)] in nats an image, and divergence: KL(q(z | x) || p(z)) in nats, of the test "
        "split. Factor score: accuracy, on held-out points, of a linear classifier that names the factor which pairs "
        "share from how little their codes differ (Higgins et al. 2017); chance is 0.2. Gap: mean over factors of how "
        "much more the best number of a code tells of it than the next (Chen et al. 2018). Used: numbers, of ten, "
        "whose means vary by more than 0.05. The last three are of all 4,608 images.",
        "\n".join(["| beta | " + " | ".join(HEADS) + " |", "|---|---|---|---|---|---|", *lines]),
        "![A shape whose codes' numbers are moved one by one, a row each, at the least and the largest weight]"
        f"({PICTURE})",
        f"Measured on {datetime.now(UTC).date().isoformat()}, {launch.environment()['machine']}.",
    )
    return "\n\n".join(("# What the weight of the divergence separates", *told)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--betas", type=float, nargs="+", default=list(BETAS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--runs", type=Path, default=Path("runs/disentangling"))
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines, moved = [], {}
    for beta in given.betas:
        folders = [given.runs / f"{beta:g}-{seed}" for seed in given.seeds]
        runs = [
            finished_run(folder, "beta-vae", beta=beta, epochs=given.epochs, seed=seed, **FIXED)
            for folder, seed in zip(folders, given.seeds, strict=True)
        ]
        lines.append(line(beta, [measured(run) for run in runs]))
        print(lines[-1], flush=True)
        moved[f"weight {beta:g}"] = moves(runs[0])
    (given.to / "disentangling.md").write_text(page(lines, given.seeds, given.epochs), encoding="utf-8")
    image_tables({name: moved[name] for name in (*list(moved)[:1], *list(moved)[-1:])}).savefig(
        given.to / PICTURE, bbox_inches="tight"
    )


if __name__ == "__main__":
    main()
