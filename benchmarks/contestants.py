"""One contestant in one process: train, and print what was measured as one line of JSON.

python -m benchmarks.contestants NAME NETWORK STEPS

All learn the same thing from the same numbers: MNIST's first 55,000 training images, batches of 128, AdamW (rate 0.002,
weight decay 0.01), LeNet-5 (common form, tanh, 32 x 32) or an MLP (784-256-256-10, ReLU), no augmentation. The time is
that of STEPS steps after a warm-up of 60, the start (compilation included) is given apart. Nobody evaluates or saves
inside the timed steps; everybody keeps the running loss and accuracy that a person watches.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH, RATE, DECAY = 128, 2e-3, 1e-2
WARM_UP = 60
TRAINED_FOR = 1000
"""Steps after which the test accuracy shows that all learn alike."""


def mnist() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    from neurarium.data.sources import open_labelled

    data = open_labelled("mnist", batch_size=BATCH)
    return {name: tuple(field.numpy() for field in data.items(name)) for name in ("train", "test")}  # type: ignore[attr-defined]


def plain_network(network: str) -> nn.Module:
    """As one writes it with torch's own layers."""
    if network == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
        )  # fmt: skip
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def timed(
    step: Callable[[], None], finish: Callable[[], float], score: Callable[[], float], steps: int
) -> dict[str, float]:
    """Warm up, time, then train on to TRAINED_FOR steps and score."""
    begun = time.perf_counter()
    step()
    start = time.perf_counter() - begun
    for _ in range(WARM_UP - 1):
        step()
    finish()
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    loss = finish()
    speed = steps * BATCH / (time.perf_counter() - begun)
    for _ in range(max(0, TRAINED_FOR - WARM_UP - steps)):
        step()
    return {"samples_per_second": speed, "start_seconds": start, "loss": loss, "test_accuracy": score()}


def hand_loop(network: str, steps: int) -> dict[str, float]:
    """A good hand-written loop: images resident as uint8, gathered by index, no `.item()` inside."""
    torch.manual_seed(0)
    data = mnist()
    x, y = (torch.from_numpy(values) for values in data["train"])
    mean, std, pad = 0.1307, 0.3081, 0 if network == "mlp" else 2
    model = plain_network(network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    order, position = torch.randperm(len(x)), 0
    total, correct, count = torch.zeros(()), torch.zeros(()), 0

    def prepare(images: Tensor) -> Tensor:
        return (F.pad(images.float() / 255, (pad, pad, pad, pad)) - mean) / std

    def step() -> None:
        nonlocal order, position, count
        if position + BATCH > len(x):
            order, position = torch.randperm(len(x)), 0
        index = order[position : position + BATCH]
        position += BATCH
        images, labels = prepare(x[index]), y[index]
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total.add_(loss.detach())
        correct.add_((logits.detach().argmax(1) == labels).sum())
        count += 1

    def finish() -> float:
        nonlocal count
        mean_loss = total.item() / max(count, 1)
        total.zero_(), correct.zero_()
        count = 0
        return mean_loss

    def score() -> float:
        images, labels = (torch.from_numpy(values) for values in data["test"])
        with torch.no_grad():
            return (model(prepare(images)).argmax(1) == labels).float().mean().item()

    return timed(step, finish, score, steps)


def dataloader(network: str, steps: int) -> dict[str, float]:
    """The loop of the PyTorch examples: a Dataset with ToTensor and Normalize an item, a DataLoader, `.item()` logs."""
    torch.manual_seed(0)
    data = mnist()
    pad = 0 if network == "mlp" else 2

    class Images(torch.utils.data.Dataset[tuple[Tensor, int]]):
        def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
            self.x, self.y = x, y

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            image = torch.from_numpy(self.x[i]).float().div(255)  # ToTensor
            image = image.sub(0.1307).div(0.3081)  # Normalize
            return F.pad(image, (pad, pad, pad, pad), value=-0.1307 / 0.3081), int(self.y[i])

    loader = torch.utils.data.DataLoader(Images(*data["train"]), batch_size=BATCH, shuffle=True, drop_last=True)
    model = plain_network(network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    batches = iter(loader)
    last, count = 0.0, 0

    def step() -> None:
        nonlocal batches, last, count
        try:
            images, labels = next(batches)
        except StopIteration:
            batches = iter(loader)
            images, labels = next(batches)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        count += 1
        if count % 10 == 0:  # the examples' --log-interval
            last = loss.item()

    def score() -> float:
        images, labels = data["test"]
        with torch.no_grad():
            x = torch.stack([Images(images, labels)[i][0] for i in range(len(images))])
            return (model(x).argmax(1) == torch.from_numpy(labels)).float().mean().item()

    return timed(step, lambda: last, score, steps)


def keras(network: str, steps: int) -> dict[str, float]:
    """Keras 3 on its torch backend: `fit` on arrays, as its examples do."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras as k

    k.utils.set_random_seed(0)
    data = mnist()
    pad = 0 if network == "mlp" else 2

    def prepare(images: np.ndarray) -> np.ndarray:
        x = (np.pad(images[:, 0].astype("float32") / 255, ((0, 0), (pad, pad), (pad, pad))) - 0.1307) / 0.3081
        return x[..., None]

    layers = k.layers
    if network == "mlp":
        body = [layers.Flatten(), layers.Dense(256, "relu"), layers.Dense(256, "relu")]
    else:
        body = [
            layers.Conv2D(6, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2), layers.Conv2D(120, 5, activation="tanh"), layers.Flatten(),
            layers.Dense(84, "tanh"),
        ]  # fmt: skip
    side = 28 + 2 * pad
    model = k.Sequential([layers.Input((side, side, 1)), *body, layers.Dense(10)])
    model.compile(
        optimizer=k.optimizers.AdamW(RATE, weight_decay=DECAY),
        loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = prepare(data["train"][0]), data["train"][1]
    begun = time.perf_counter()
    model.fit(x[: WARM_UP * BATCH], y[: WARM_UP * BATCH], batch_size=BATCH, verbose=0)
    start = time.perf_counter() - begun
    steps = min(steps, len(x) // BATCH - WARM_UP)
    part = slice(WARM_UP * BATCH, (WARM_UP + steps) * BATCH)
    begun = time.perf_counter()
    history = model.fit(x[part], y[part], batch_size=BATCH, verbose=0)
    speed = steps * BATCH / (time.perf_counter() - begun)
    rest = TRAINED_FOR - WARM_UP - steps
    if rest > 0:
        model.fit(x, y, batch_size=BATCH, verbose=0, steps_per_epoch=rest)
    accuracy = model.evaluate(prepare(data["test"][0]), data["test"][1], batch_size=1000, verbose=0)[1]
    loss = history.history["loss"][-1]
    return {"samples_per_second": speed, "start_seconds": start, "loss": loss, "test_accuracy": accuracy}


def ours(network: str, steps: int, *, fast: bool) -> dict[str, float]:
    """The engine's own step, stream, stepper, log and check of finiteness every 50 steps, as `fit` calls them.

    fast: the path that the rehearsal chooses for a run of many hours, whose table goes to standard error.
    """
    from functools import partial

    from neurarium.recipes.find import fill, find
    from neurarium.train import hardware, rehearsal
    from neurarium.train.data import Shard
    from neurarium.train.descent import Descent
    from neurarium.train.log import Drawn
    from neurarium.train.settings import Settings
    from neurarium.train.training import build

    knobs = {"augment": False} if network == "lenet5" else {"dropout": 0.0, "hidden": (256, 256)}
    recipe = fill(find(network), {"data": "mnist", "batch_size": BATCH, **knobs})
    data = recipe.open_data()
    settings = Settings()
    path = hardware.plain_path(settings)
    if fast:
        found = rehearsal.rehearse(recipe, data, settings, 10**7, Shard())
        print("\n".join([*rehearsal.table(found), f"{found.path}; {found.why}"]), file=sys.stderr)
        path = found.path
    hardware.apply(path)
    training = build(recipe, data, settings, path, Shard())
    task: object = training.task
    task.descent = Descent(optimizer=partial(torch.optim.AdamW, lr=RATE, weight_decay=DECAY))  # type: ignore[attr-defined]
    from neurarium.train.stepper import Stepper

    stepper = Stepper(training.task, training.task, task.descent, precision=path.precision)  # type: ignore[attr-defined]
    batches, count = Drawn(training.stream, 1), 0

    def step() -> None:
        nonlocal count
        training.log.add(training.task.step(batches, {"model": stepper}))
        count += 1
        if count % 50 == 0:
            float(stepper.num_bad)

    def finish() -> float:
        return training.log.row()["loss"]

    def score() -> float:
        with training.evaluating():
            return training.task.evaluate(data.split("test", shard=Shard()))["accuracy"]

    return timed(step, finish, score, steps)


CONTESTANTS: dict[str, Callable[[str, int], dict[str, float]]] = {
    "neurarium": lambda network, steps: ours(network, steps, fast=True),
    "neurarium-plain": lambda network, steps: ours(network, steps, fast=False),
    "hand-loop": hand_loop,
    "keras": keras,
    "dataloader": dataloader,
}

if __name__ == "__main__":
    name, network, steps = sys.argv[1:]
    print(json.dumps(CONTESTANTS[name](network, int(steps))))
