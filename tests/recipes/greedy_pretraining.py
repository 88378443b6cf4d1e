"""Few labels: perceptrons that begin where a deep belief network has ended, beside such as begin at random.

python -m tests.recipes.greedy_pretraining          on MNIST, in about ten minutes
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.nn.dense import dense_layers
from neurarium.tasks.classification import Classifier
from neurarium.train.batches import Labelled
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off", "evaluations": 1}
ARMS = ("pre-trained, sigmoid", "random, sigmoid", "random, ReLU")
RATES = (3e-4, 1e-3, 3e-3)
"""Of Adam; each arm gets the one that is best on the validation images, on average over the seeds."""
STEPS, BATCH = 500, 50


def network(arm: str, learned: Any, num_classes: int) -> nn.Module:
    """784-500-500-10 or the like; learned: the task of the deep belief network."""
    if arm == ARMS[0]:
        start: nn.Module = learned.classifier(num_classes)
        return start
    widths = [learned.layers[0].num_visible, *(layer.num_hidden for layer in learned.layers), num_classes]
    return dense_layers(widths, activation=nn.Sigmoid if arm == ARMS[1] else nn.ReLU)


def trained(arm: str, learned: Any, items: Labelled, *, lr: float, seed: int, num_classes: int) -> Classifier:
    """A perceptron after STEPS steps on these labelled items; all arms read the same binary pixels."""
    torch.manual_seed(seed)
    descent = Descent(optimizer=partial(Adam, lr=lr))
    classes = [str(label) for label in range(num_classes)]
    task = Classifier(
        network=network(arm, learned, num_classes), inputs=learned.inputs, classes=classes, descent=descent
    )
    stepper = Stepper(task, task.network, descent)
    for _ in range(STEPS):
        rows = torch.randint(len(items.x), (min(BATCH, len(items.x)),))
        stepper.update(task.loss, Labelled(items.x[rows], items.y[rows]))
    return task.eval()


def accuracy(task: Classifier, items: Labelled) -> float:
    return float((task.predict(items.x) == items.y).float().mean())


def few(items: Labelled, each: int, seed: int) -> Labelled:
    """So many items of each class, drawn by the seed."""
    order = torch.randperm(len(items.y), generator=torch.Generator().manual_seed(seed))
    rows: list[Tensor] = [order[items.y[order] == label][:each] for label in items.y.unique()]
    return Labelled(items.x[torch.cat(rows)], items.y[torch.cat(rows)])


def measure(data: str, each: int, seeds: int, learned: Any) -> dict[str, list[float]]:
    """Test accuracy of each arm and seed, at the arm's best rate; the seed draws labelled items and weights."""
    parts: Any = open_labelled(data, batch_size=1)
    num_classes = len(parts.spec.classes)
    found = {}
    for arm in ARMS:
        by_rate = {}
        for lr in RATES:
            tasks = [
                trained(arm, learned, few(parts.items("train"), each, seed), lr=lr, seed=seed, num_classes=num_classes)
                for seed in range(seeds)
            ]
            score = statistics.fmean(accuracy(task, parts.items("validation")) for task in tasks)
            by_rate[score] = [accuracy(task, parts.items("test")) for task in tasks]
        found[arm] = by_rate[max(by_rate)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recipes.greedy_pretraining")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--hidden", type=int, nargs="+", default=[500, 500])
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--weight-decay", type=float, default=2e-4)
    parser.add_argument("--each", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    knobs = {name: value for name, value in vars(args).items() if name not in ("each", "seeds")}
    with tempfile.TemporaryDirectory() as runs:
        run = api.train("deep-belief-network", **knobs, binarisation="threshold", runs=runs, **QUIET)
        learned = run.load()
        print("test", run.test)
    for each in args.each:
        for arm, values in measure(args.data, each, args.seeds, learned).items():
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            print(f"{each:>4} of each class  {arm:<22} {statistics.fmean(values):.4f} +- {deviation:.4f}", flush=True)


if __name__ == "__main__":
    main()
