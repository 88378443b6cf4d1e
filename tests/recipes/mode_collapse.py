"""Modes that are reached: a plain GAN, minibatch discrimination and WGAN-GP on a ring and on a grid of Gaussians.

python -m tests.recipes.mode_collapse          writes docs/results/modes.md and its pictures

Each run has a folder of its own under runs/modes and is taken up where it stopped, so that this may be interrupted.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurarium.plots.curves import overlay
from neurarium.train import launch
from tests.recipes.resumable import finished_run

FIXED: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off", "evaluations": 20}
MODES = {"ring": 8, "grid": 25}
ARMS: dict[str, dict[str, Any]] = {
    "GAN": {},
    "minibatch discrimination": {"num_kernels": 8},
    "WGAN-GP": {"game": "wasserstein", "bound": "penalty", "penalty_weight": 0.1, "discriminator_steps": 5},
}
SEEDS = (0, 1, 2)
STEPS, BATCH = 6000, 256
RESULTS = Path(__file__).parents[2] / "docs" / "results"
Rows = list[dict[str, Any]]


def rows(data: str, arm: str, seed: int, runs: Path, steps: int = STEPS) -> Rows:
    """What validation measured over one run, which is begun, gone on with, or only read."""
    folder = runs / f"{data}-{arm.replace(' ', '-')}-{steps}-{seed}"
    knobs: dict[str, Any] = {"data": data, "steps": steps, "batch_size": BATCH, **ARMS[arm]}
    return finished_run(folder, "gan-ring", **knobs, seed=seed, **FIXED).rows("validation")


def mean_rows(seeds: Sequence[Rows]) -> Rows:
    """One row an evaluation, with the mean of `modes` over the seeds."""
    return [
        {"step": each[0]["step"], "split": "validation", "modes": statistics.fmean(row["modes"] for row in each)}
        for each in zip(*seeds, strict=True)
    ]


def line(data: str, arm: str, seeds: Sequence[Rows]) -> str:
    """Of the table: modes at the end of each seed, and the means of quality and divergence there."""
    last = [run[-1] for run in seeds]
    modes = ", ".join(f"{row['modes']:.0f}" for row in last)
    quality, divergence = (statistics.fmean(row[name] for row in last) for name in ("quality", "divergence"))
    return f"| {data} | {arm} | {modes} of {MODES[data]} | {quality:.3f} | {divergence:.3f} |"


def page(lines: Sequence[str], steps: int, seeds: Sequence[int], pictures: Mapping[str, str]) -> str:
    told = (
        f"`python -m tests.recipes.mode_collapse` trains three systems of `gan-ring` for {steps:,} rounds of batches "
        f"of {BATCH} points, from seeds {', '.join(str(seed) for seed in seeds)}, on eight Gaussians on a circle of "
        "radius 2 and on a grid of 25, 2 apart, all of deviation 0.05. The networks are the same but for eight kernels "
        "of minibatch discrimination; the critic of WGAN-GP takes five steps a round, so its run sees six batches "
        "where the others see two. Its penalty weighs 0.1, for points, instead of the paper's 10 for images.",
        "Modes: centres within whose three deviations lies a hundredth of 2,000 samples, at the last evaluation, for "
        "each seed. Quality: share of samples so near a centre. Divergence: KL of these over the centres from an even "
        "share, in nats, 0 at best. Samples come from averaged weights.",
        "\n".join(["| data | system | modes, each seed | quality | divergence |", "|---|---|---|---|---|", *lines]),
        *(f"![Modes reached on the {data}, mean over the seeds]({name})" for data, name in pictures.items()),
        f"Measured on {datetime.now(UTC).date().isoformat()}, {launch.environment()['machine']}, one thread, float32.",
    )
    return "\n\n".join(("# Modes that are reached", *told)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--runs", type=Path, default=Path("runs/modes"))
    parser.add_argument("--to", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines, pictures = [], {}
    for data in MODES:
        curves = {}
        for arm in ARMS:
            seeds = [rows(data, arm, seed, given.runs, given.steps) for seed in given.seeds]
            lines.append(line(data, arm, seeds))
            curves[arm] = mean_rows(seeds)
            print(lines[-1], flush=True)
        pictures[data] = f"modes-{data}.png"
        figure = overlay(curves, measure="modes")
        figure.axes[0].set_ylim(0, MODES[data] + 0.5)
        figure.savefig(given.to / pictures[data], bbox_inches="tight")
    (given.to / "modes.md").write_text(page(lines, given.steps, given.seeds, pictures), encoding="utf-8")


if __name__ == "__main__":
    main()
