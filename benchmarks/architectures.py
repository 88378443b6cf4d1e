"""python -m benchmarks.architectures [--seeds 2] [--runs runs]: the classifiers of the papers under one protocol.

All learn from the same 10,000 images of CIFAR-10 (`cifar10:10000`) by AdamW with one cycle of the rate, batches of 128,
shifts and mirror images (LeNet-5 with its own distortions), and choose their weights by the same 5,000 images. Widths
and passes are such that each run costs about 1e12 multiply-adds forward, LeNet-5 0.4e12 and ResNeXt 1.3e12: what costs
less an image sees more images.
Writes docs/results/architectures.md, and the picture of accuracy beside cost into docs/images.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurarium import api
from neurarium.plots.compare import score_by_cost
from neurarium.recipes.find import fill, find
from neurarium.train.launch import environment

DOCS = Path(__file__).parent.parent / "docs"
NETWORKS: dict[str, dict[str, Any]] = {
    "lenet5": {"activation": "relu", "epochs": 60.0},
    "alexnet": {"width": 0.25, "epochs": 8.0},
    "vgg": {"width": 0.25, "epochs": 10.1},
    "nin": {"width": 0.1875, "epochs": 10.6},
    "googlenet": {"width": 0.125, "epochs": 13.8},
    "resnet": {"width": 8, "epochs": 11.3},
    "resnext": {"width": 6, "paths": 8, "epochs": 10.0},
    "densenet": {"growth": 4, "blocks": (4, 8, 16, 8), "epochs": 12.5},
    "cifar10-fast": {"width": 10, "epochs": 10.6},
}


class Silent:
    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    def say(self, text: str) -> None: ...


def runs_of(name: str, folder: Path, seeds: int) -> list[api.Trained]:
    """Finished runs of this system in the folder, by seed; those that lack are trained."""
    found: dict[int, api.Trained] = {}
    for path in sorted(folder.glob(f"{name}-[0-9]*")):
        trained = api.open_run(path)
        if trained.run.header.get("finished"):
            found[trained.run.header["settings"]["seed"]] = trained
    for seed in range(seeds):
        if seed not in found:
            knobs = NETWORKS[name]
            options = {"seed": seed, "runs": str(folder), "threads": 1, "evaluations": 5}
            found[seed] = api.train(name, data="cifar10:10000", screen=Silent(), **knobs, **options)
    return [found[seed] for seed in range(seeds)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    rows = []
    for name, knobs in NETWORKS.items():
        trained = runs_of(name, arguments.runs, arguments.seeds)
        total = api.layers(fill(find(name), {"data": "cifar10", **knobs}))["network"][-1]
        scores = [run.test["accuracy"] for run in trained]
        row = {
            "system": name,
            "knobs": knobs,
            "parameters": total["parameters"],
            "multiply_adds": total["multiply_adds"],
            "epochs": knobs["epochs"],
            "seconds": [run.run.header["seconds"] for run in trained],
            "accuracy": statistics.fmean(scores),
            "values": scores,
        }
        rows.append(row)
        print(
            f"{name:14} {row['parameters']:>10,} parameters {row['multiply_adds'] / 1e6:6.1f} M multiply-adds "
            f"{knobs['epochs']:5.1f} epochs   test accuracy {row['accuracy']:.4f}  {scores}",
            flush=True,
        )
    figure = score_by_cost(
        {row["system"]: row["multiply_adds"] for row in rows},
        {row["system"]: row["accuracy"] for row in rows},
        cost="multiply-adds of an image",
        score="test accuracy on CIFAR-10",
    )
    figure.savefig(DOCS / "images" / "architectures.png", bbox_inches="tight")
    lines = [
        f"| {row['system']} | {row['parameters']:,} | {row['multiply_adds'] / 1e6:.1f} M | {row['epochs']:g} | "
        f"{statistics.median(row['seconds']):.0f} s | {row['accuracy']:.4f} ({', '.join(map(str, row['values']))}) |"
        for row in rows
    ]
    place = environment()
    text = f"""# Architectures under one protocol

{(__doc__ or "").split(chr(10) + chr(10), 1)[1].split("Writes ")[0].strip()}

| system | parameters | multiply-adds an image | epochs | training | test accuracy (seeds) |
|---|---|---|---|---|---|
{chr(10).join(lines)}

![Test accuracy over the multiply-adds of an image, a point for each system](../images/architectures.png)

`python -m benchmarks.architectures --seeds {arguments.seeds}`, {datetime.now(UTC).date()}, {place["machine"]}, one
thread, torch {place["versions"]["torch"]}. The images are JPEG of quality 75. Seconds are of runs beside other work
on the machine; multiply-adds are not seconds: grouped convolutions (resnext) and many small ones (googlenet, densenet)
use a CPU badly.
"""
    (DOCS / "results" / "architectures.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
