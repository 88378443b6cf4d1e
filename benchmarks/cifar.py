"""python -m benchmarks.cifar [--epochs 2] [--rounds 1]: the recipe cifar10-fast beside a plain loop and Keras 3.

All train the same network of one width on the same 45,000 images with batches of 256: Nesterov momentum 0.9, weight
decay 5e-4, one cycle of the rate up to 0.4, label smoothing 0.1, random shifts by up to 4 pixels and mirror images.

neurarium   `train`, whole: the rehearsal chooses the path; speed is that of training rows, the seconds are all of them
hand-loop   the same in plain PyTorch: images resident as uint8, changed in batches, float32, no `.item()` inside
keras       `fit` with its own layers for random translation and flips, on its torch backend; speed alone, over 30 steps

Each in a process of its own, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from typing import Any

from benchmarks.alone import measured_alone

BATCH, WIDTH = 256, 16


def ours(epochs: float, seed: int) -> dict[str, float]:
    from neurarium import api

    class Silent:
        def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

        def say(self, text: str) -> None:
            print(text, file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        run = api.train("cifar10-fast", epochs=epochs, width=WIDTH, seed=seed, runs=folder, screen=Silent())
        speeds = [row["samples_per_second"] for row in run.run.rows("train")]
        return {
            "samples_per_second": statistics.median(speeds),
            "seconds": run.run.header["seconds"],
            "test_accuracy": run.test["accuracy"],
        }


def hand_loop(epochs: float, seed: int) -> dict[str, float]:
    import torch
    import torch.nn.functional as F

    from neurarium.data.sources import open_labelled
    from neurarium.networks.fast_resnet import FastResNet

    torch.manual_seed(seed)
    data: Any = open_labelled("cifar10", batch_size=BATCH)
    (x, y), (test_x, test_y) = data.items("train"), data.items("test")
    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    std = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)
    model = FastResNet(width=WIDTH)
    steps = round(epochs * len(x) / BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=steps, cycle_momentum=False)

    def changed(images: torch.Tensor) -> torch.Tensor:
        padded = F.pad(images, (4, 4, 4, 4))
        top, left = torch.randint(9, (2, len(images)))
        rows, columns = (corner[:, None] + torch.arange(32) for corner in (top, left))
        columns = torch.where((torch.rand(len(images)) < 0.5)[:, None], columns.flip(1), columns)
        return padded[torch.arange(len(images))[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)

    total = torch.zeros(())
    order = torch.cat([torch.randperm(len(x)) for _ in range(int(epochs) + 1)])
    begun = time.perf_counter()
    for step in range(steps):
        index = order[step * BATCH : (step + 1) * BATCH]
        images = (changed(x[index]).float() / 255 - mean) / std
        loss = F.cross_entropy(model(images), y[index], label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
    seconds = time.perf_counter() - begun
    model.eval()
    with torch.no_grad():
        chunks = zip(test_x.split(500), test_y.split(500), strict=True)
        right = [(model((a.float() / 255 - mean) / std).argmax(1) == b).sum().item() for a, b in chunks]
    return {
        "samples_per_second": steps * BATCH / seconds,
        "seconds": seconds,
        "test_accuracy": sum(right) / len(test_x),
    }


def keras(epochs: float, seed: int) -> dict[str, float]:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as k

    from neurarium.data.sources import open_labelled

    k.utils.set_random_seed(seed)
    data: Any = open_labelled("cifar10", batch_size=BATCH)
    x, y = (field.numpy() for field in data.items("train"))
    x = x.transpose(0, 2, 3, 1).astype("float32")
    layers = k.layers

    def block(h: Any, width: int) -> Any:
        h = layers.Conv2D(width, 3, padding="same", use_bias=False)(h)
        return layers.ReLU()(layers.BatchNormalization()(h))

    inputs = layers.Input((32, 32, 3))
    h = layers.RandomFlip("horizontal")(layers.RandomTranslation(0.125, 0.125, fill_mode="constant")(inputs))
    h = block(layers.Rescaling(1 / 64, -2.0)(h), WIDTH)
    h = layers.MaxPooling2D()(block(h, 2 * WIDTH))
    h = layers.add([h, block(block(h, 2 * WIDTH), 2 * WIDTH)])
    h = layers.MaxPooling2D()(block(h, 4 * WIDTH))
    h = layers.MaxPooling2D()(block(h, 8 * WIDTH))
    h = layers.add([h, block(block(h, 8 * WIDTH), 8 * WIDTH)])
    logits = layers.Rescaling(1 / 8)(layers.Dense(10, use_bias=False)(layers.GlobalMaxPooling2D()(h)))
    model = k.Model(inputs, logits)
    model.compile(
        optimizer=k.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
        loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x[: 5 * BATCH], y[: 5 * BATCH], batch_size=BATCH, verbose=0)
    part = slice(5 * BATCH, 35 * BATCH)
    begun = time.perf_counter()
    model.fit(x[part], y[part], batch_size=BATCH, verbose=0)
    seconds = time.perf_counter() - begun
    return {"samples_per_second": 30 * BATCH / seconds}


CONTESTANTS = {"neurarium": ours, "hand-loop": hand_loop, "keras": keras}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cifar", description=__doc__)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--one", nargs=2, metavar=("CONTESTANT", "SEED"))
    arguments = parser.parse_args()
    if arguments.one:
        name, seed = arguments.one
        print(json.dumps(CONTESTANTS[name](arguments.epochs, int(seed))))
        return 0
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in CONTESTANTS}
    for number in range(arguments.rounds):
        for name in CONTESTANTS:
            given = ("--epochs", str(arguments.epochs), "--one", name, str(number))
            found, said = measured_alone("benchmarks.cifar", *given)
            measured[name].append(found)
            print(f"round {number + 1}  {name:10} {measured[name][-1]}", flush=True)
            if name == "neurarium":
                print("\n".join(line for line in said.splitlines() if "Fast path" in line), flush=True)
    for name, runs in measured.items():
        ratios = [
            a["samples_per_second"] / b["samples_per_second"] for a, b in zip(measured["neurarium"], runs, strict=True)
        ]
        print(f"{name:10} ours is {statistics.median(ratios):.2f} x")
    from benchmarks import record  # loads torch, which the contestants do each in a process of its own

    record.append(f".cifar --epochs {arguments.epochs:g} --rounds {arguments.rounds}", measured=measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
