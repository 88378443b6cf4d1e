"""python -m benchmarks.imagenet_size [--rounds 3]: ResNet-18 and -50 at 224 x 224 beside torchvision's in a plain loop.

Training: forward, cross-entropy, backward, SGD with momentum 0.9, on one resident batch of 16. Inference: 32 images,
evaluation mode. "ours" is our network under the engine's step, "ours fast" the same with bfloat16 and channels_last;
"torchvision" its network with copied weights in a plain float32 loop. In turn, in one process; medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import record
from neurarium.networks.resnet import resnet
from neurarium.tasks.classification import Classifier
from neurarium.train.batches import Labelled
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper
from tests.oracles.torchvision_models import models

TRAIN, INFER = 16, 32


def plain(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def engine(network: nn.Module, x: torch.Tensor, y: torch.Tensor, *, fast: bool) -> Callable[[], object]:
    descent = Descent(optimizer=partial(torch.optim.SGD, lr=0.01, momentum=0.9))
    task = Classifier(network=network, inputs=nn.Identity(), classes=[str(i) for i in range(1000)], descent=descent)
    if fast:
        task = task.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    stepper = Stepper(task, task, descent, precision="bfloat16" if fast else "float32")
    return lambda: stepper.update(task.loss, Labelled(x, y))


def seconds(call: Callable[[], object], times: int) -> float:
    call()
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begun) / times


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imagenet_size", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(INFER, 3, 224, 224, generator=generator)
    y = torch.randint(1000, (TRAIN,), generator=generator)
    measured: dict[str, Any] = {}
    for depth in (18, 50):
        judge = getattr(models(), f"resnet{depth}")()
        mine, quick = resnet(depth), resnet(depth)
        for network in (mine, quick):
            network.load_state_dict(judge.state_dict())
        quick = quick.to(memory_format=torch.channels_last)
        steps = {
            "torchvision": plain(judge, x[:TRAIN], y),
            "ours": engine(mine, x[:TRAIN], y, fast=False),
            "ours fast": engine(quick, x[:TRAIN], y, fast=True),
        }

        def infer(network: nn.Module, images: torch.Tensor, *, fast: bool) -> None:
            network.eval()
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
                network(images)
            network.train()

        forwards = {
            "torchvision": partial(infer, judge, x, fast=False),
            "ours": partial(infer, mine, x, fast=False),
            "ours fast": partial(infer, quick, x.to(memory_format=torch.channels_last), fast=True),
        }
        for kind, calls, items in (("training", steps, TRAIN), ("inference", forwards, INFER)):
            rates: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(arguments.rounds):
                for name, call in calls.items():
                    rates[name].append(items / seconds(call, 2))
            measured[f"resnet{depth} {kind}"] = rates
            for name, values in rates.items():
                ratio = statistics.median(a / b for a, b in zip(values, rates["torchvision"], strict=True))
                print(
                    f"ResNet-{depth} {kind:10} {name:12} {statistics.median(values):7.1f} images/s   {ratio:.2f} x",
                    flush=True,
                )
    record.append(f".imagenet_size --rounds {arguments.rounds}", images_per_second=measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
