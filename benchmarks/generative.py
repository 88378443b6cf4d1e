"""python -m benchmarks.generative [dcgan] [vae] [--rounds 3]: these recipes beside loops as one writes them by hand.

Each pair trains the same networks on the same MNIST images in batches of 64 and 128. Images per second are real images
that the discriminator, or the encoder, learned from.

neurarium   `train`, whole, with the path that the rehearsal chose; the speed is that of training rows, median
hand-loop   plain PyTorch: images resident as uint8, float32, torch's default Adam, no `.item()` inside. That of DCGAN
            makes one batch of fakes for both updates, as PyTorch's own example does, where ours draws noise anew for
            the generator, as algorithm 1 of the paper has it, and does one forward pass more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.alone import measured_alone

STEPS = {"dcgan": 300, "vae": 8600}
WARM_UP = 20


def ours(system: str, seed: int) -> dict[str, float]:
    from neurarium import api

    class Silent:
        def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

        def say(self, text: str) -> None:
            print(text, file=sys.stderr)

    knobs: dict[str, Any] = {"steps": STEPS["dcgan"]} if system == "dcgan" else {"epochs": STEPS["vae"] * 128 / 55000}
    with tempfile.TemporaryDirectory() as folder:
        run = api.train(
            system, data="mnist", seed=seed, runs=folder, screen=Silent(), evaluations=1, log_every=20, **knobs
        )
        speeds = [row["samples_per_second"] for row in run.run.rows("train")[1:]]
    drawn = 2 if system == "dcgan" else 1  # a batch for each update of DCGAN, of which the generator's needs the size
    return {"images_per_second": statistics.median(speeds) / drawn}


def by_hand(system: str, seed: int) -> dict[str, float]:
    import torch

    torch.manual_seed(seed)
    step, batch = (dcgan_loop if system == "dcgan" else vae_loop)()
    speeds = []
    for part in range(STEPS[system] // WARM_UP):
        begun = time.perf_counter()
        for _ in range(WARM_UP):
            step()
        if part:
            speeds.append(WARM_UP * batch / (time.perf_counter() - begun))
    return {"images_per_second": statistics.median(speeds)}


def dcgan_loop(batch: int = 64) -> tuple[Callable[[], None], int]:
    import torch
    from torch.nn import functional as F

    from neurarium.data.sources import open_labelled
    from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator

    data: Any = open_labelled("mnist", batch_size=batch)
    x = F.pad(data.items("train")[0], (2, 2, 2, 2))
    generator = DCGANGenerator(size=32, channels=1, latent_size=100, width=32)
    discriminator = DCGANDiscriminator(size=32, channels=1, width=32)
    of_generator, of_discriminator = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (generator, discriminator)
    )
    real_target, fake_target = torch.ones(batch, 1), torch.zeros(batch, 1)
    losses = torch.zeros(2)

    def step() -> None:
        real = x[torch.randint(len(x), (batch,))].float() / 127.5 - 1
        of_discriminator.zero_grad()
        fake = generator(torch.randn(batch, 100))
        judged = F.binary_cross_entropy_with_logits(discriminator(real), real_target)
        judged = judged + F.binary_cross_entropy_with_logits(discriminator(fake.detach()), fake_target)
        judged.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        fooled = F.binary_cross_entropy_with_logits(discriminator(fake), real_target)
        fooled.backward()
        of_generator.step()
        losses.add_(torch.stack([judged.detach(), fooled.detach()]))

    return step, batch


def vae_loop(batch: int = 128) -> tuple[Callable[[], None], int]:
    import torch
    from torch.nn import functional as F

    from neurarium.data.binarised import open_binarised
    from neurarium.networks.vae import DenseDecoder, DenseEncoder

    data: Any = open_binarised("mnist", "static", batch_size=batch)
    x = data.items("train")[0]
    sizes: dict[str, Any] = {"shape": (1, 28, 28), "hidden": (400, 400), "latent_size": 20, "condition_size": 0}
    encoder, decoder = DenseEncoder(**sizes), DenseDecoder(**sizes)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=2e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS["vae"], cycle_momentum=False)
    losses = torch.zeros(2)

    def step() -> None:
        images = x[torch.randint(len(x), (batch,))].float() / 255
        optimizer.zero_grad()
        mean, log_variance = encoder(images).chunk(2, dim=1)
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        reconstruction = F.binary_cross_entropy_with_logits(decoder(z), images, reduction="sum") / batch
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / batch
        (reconstruction + divergence).backward()
        optimizer.step()
        schedule.step()
        losses.add_(torch.stack([reconstruction.detach(), divergence.detach()]))

    return step, batch


CONTESTANTS: dict[str, Callable[[str, int], dict[str, float]]] = {"neurarium": ours, "hand-loop": by_hand}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generative", description=__doc__)
    parser.add_argument("systems", nargs="*", default=list(STEPS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("CONTESTANT", "SYSTEM", "SEED"))
    arguments = parser.parse_args()
    if arguments.one:
        name, system, seed = arguments.one
        print(json.dumps(CONTESTANTS[name](system, int(seed))))
        return 0
    measured: dict[str, dict[str, list[float]]] = {}
    for system in arguments.systems:
        rates = measured[system] = {name: [] for name in CONTESTANTS}
        for number in range(arguments.rounds):
            for name in CONTESTANTS:
                found, said = measured_alone("benchmarks.generative", "--one", name, system, str(number))
                rates[name].append(found["images_per_second"])
                print("\n".join(line for line in said.splitlines() if "Fast path" in line), end="", flush=True)
                print(f"\nround {number + 1}  {system:6} {name:10} {rates[name][-1]:8,.0f} images/s", flush=True)
        ratio = statistics.median(a / b for a, b in zip(*rates.values(), strict=True))
        print(f"{system:6} ours is {ratio:.2f} x", flush=True)
    from benchmarks import record  # loads torch, which the contestants do each in a process of its own

    record.append(f".generative {' '.join(arguments.systems)} --rounds {arguments.rounds}", images_per_second=measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
