"""The losses of adversarial networks at equal compute: distances of samples from data, in a classifier's features.

python -m tests.recipes.games          writes docs/results/games.md and its pictures

Each run has a folder of its own under runs/games and is taken up where it stopped, so that this may be interrupted.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from neurarium import api
from neurarium.plots.latents import image_tables
from neurarium.recipes.find import fill, find
from neurarium.runs.run import Run
from neurarium.train import launch
from neurarium.train.data import Shard
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.training import build
from tests.recipes.resumable import finished_run

FIXED: dict[str, Any] = {"threads": 1, "precision": "bfloat16", "compile": "off"}
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "minimax": ("dcgan", {"loss": "minimax"}),
    "non-saturating": ("dcgan", {}),
    "one-sided smoothing": ("dcgan", {"loss": "smoothed"}),
    "least squares": ("lsgan", {}),
    "Wasserstein, clipped": ("wgan", {}),
    "Wasserstein, penalty": ("wgan-gp", {}),
    "hinge, spectral": ("hinge-gan", {}),
    "energy": ("energy-based-gan", {}),
}
DATA = ("mnist", "fashion-mnist")
SEEDS = (0, 1, 2)
WIDTH = 16
COMPUTE = 4e12
"""Floating-point operations of a run."""
MEASURES = ("judge_frechet_distance", "judge_precision", "judge_recall", "judge_density", "judge_coverage")
PERFECT = "training images"
RESULTS = Path(__file__).parents[2] / "docs" / "results"


class Operations(TorchDispatchMode):
    """Counts those of matrix products and convolutions, forward, backward and twice backward."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = function(*args, **kwargs)
        if formula := flop_registry.get(function._overloadpacket):
            self.count += formula(*args, **kwargs, out_val=found)
        return found


def rounds(arm: str, data: str, compute: float = COMPUTE) -> int:
    """How many rounds of the game that compute buys."""
    recipe = fill(find(ARMS[arm][0]), {"data": data, "width": WIDTH, **ARMS[arm][1]})
    opened = recipe.open_data()
    training = build(recipe, opened, Settings(threads=1), FastPath("cpu"), Shard())
    with Operations() as operations:
        training.task.step(training.stream, training.steppers)
    return max(1, round(compute / operations.count))


def judge(data: str, runs: Path) -> str:
    """A LeNet-5 that knows these classes."""
    return str(finished_run(runs / f"judge-{data}", "lenet5", data=data, threads=1).path)


def line(data: str, arm: str, steps: int, tests: Sequence[dict[str, Any]], seconds: float) -> str:
    """Of the table: the distance of each seed and its mean, then the means of the other measures."""
    distances = [test["judge_frechet_distance"] for test in tests]
    each = ", ".join(f"{value:.1f}" for value in distances)
    others = " | ".join(f"{statistics.fmean(test[name] for test in tests):.2f}" for name in MEASURES[1:])
    return f"| {data} | {arm} | {steps:,} | {seconds:.0f} | {statistics.fmean(distances):.1f} ({each}) | {others} |"


def real(data: str, runs: Path) -> str:
    """The same measures of training images beside as many test images: what a perfect generator would get."""
    from neurarium.recipes.image_gan import ImageGAN
    from neurarium.tasks.sampling import evenly

    gan: Any = fill(find("dcgan"), {"data": data, "judge": judge(data, runs)})
    assert isinstance(gan, ImageGAN)
    opened: Any = gan.open_data()
    measures = gan.measures(opened.spec)
    sets = [evenly(opened.items(split)[0]).float() / 255 for split in ("test", "train")]
    found = measures(*sets, None)
    others = " | ".join(f"{found[name]:.2f}" for name in MEASURES[1:])
    return f"| {data} | {PERFECT} | - | - | {found['judge_frechet_distance']:.1f} | {others} |"


def page(lines: Sequence[str], seeds: Sequence[int], compute: float, pictures: Sequence[str]) -> str:
    told = (
        f"`python -m tests.recipes.games` trains each game with as much compute, {compute:.0e} floating-point "
        "operations in matrix products and convolutions, counted over one round, and so with another number of rounds: "
        "critics that take five updates a round, or a penalty that is differentiated twice, have fewer. All but the "
        f"energy's discriminator are the two networks of DCGAN of width {WIDTH}, with the normalization that each "
        "game's paper asks for; optimizers and rates are the recipes' defaults, which are the papers'. Seeds "
        f"{', '.join(str(seed) for seed in seeds)}, one thread, bfloat16 but for the gradient penalty.",
        "The Frechet distance, precision, recall, density and coverage are those of 2,000 samples beside 2,000 test "
        "images, in the features of a LeNet-5 that was trained on the same data. The weights are those of the "
        "evaluation, of five, at which the distance in 8 x 8 pixels from validation images was least. No FID of the "
        "literature compares with these. The last row of each data set has training images for samples.",
        "\n".join(
            [
                "| data | game | rounds | seconds | Frechet distance (each seed) | precision | recall | density "
                "| coverage |",
                "|---|---|---|---|---|---|---|---|---|",
                *lines,
            ]
        ),
        *(f"![Samples of each game, first seed]({name})" for name in pictures),
        f"Measured on {datetime.now(UTC).date().isoformat()}, {launch.environment()['machine']}.",
    )
    return "\n\n".join(("# Losses of adversarial networks at equal compute", *told)) + "\n"


def samples(run: Run) -> torch.Tensor:
    task: Any = api.open_run(run.path).load()
    images: torch.Tensor = task.sample(16, seed=0)
    return images


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--compute", type=float, default=COMPUTE)
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--runs", type=Path, default=Path("runs/games"))
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines, pictures = [], []
    for data in given.data:
        made = {}
        for arm, (recipe, knobs) in ARMS.items():
            steps = rounds(arm, data, given.compute)
            own = {"data": data, "width": WIDTH, "steps": steps, "judge": judge(data, given.runs), **knobs}
            runs = [
                finished_run(
                    given.runs / f"{data}-{arm.replace(' ', '-').replace(',', '')}-{steps}-{seed}",
                    recipe,
                    **own,
                    seed=seed,
                    evaluations=5,
                    **FIXED,
                )
                for seed in given.seeds
            ]
            tests = [run.rows("test")[-1] for run in runs]
            lines.append(line(data, arm, steps, tests, statistics.median(run.header["seconds"] for run in runs)))
            made[arm] = samples(runs[0])
            print(lines[-1], flush=True)
        lines.append(real(data, given.runs))
        print(lines[-1], flush=True)
        pictures.append(f"games-{data}.png")
        table = {"": torch.stack(list(made.values()))}
        image_tables(table, rows=list(made)).savefig(given.to / pictures[-1], bbox_inches="tight")
    (given.to / "games.md").write_text(page(lines, given.seeds, given.compute, pictures), encoding="utf-8")


if __name__ == "__main__":
    main()
