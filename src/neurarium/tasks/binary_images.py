"""Which images are likely? What a machine of binary units learns, what it is judged by, and what it is good for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.nn.annealed_importance import log_partition
from neurarium.nn.inputs import ImageInput
from neurarium.nn.rbm import RBM, draw
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.rbm_pictures import pictures
from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.recipe import UserError
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper, Task, mean_over

UNITS = 64
"""Pixels of an image at which evaluation looks for the pseudo-log-likelihood; all of them where there are no more."""


class BinaryImages(nn.Module):
    """Grey images (B, 1, H, W) or (B, H, W) as the data holds them -> their pixels (B, H W), 1 where at least half
    of white and else 0."""

    def __init__(self, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.shape = (1, *size)
        self.scale = ImageInput(channels=1, size=size, mean=(0.0,), std=(1.0,))

    def forward(self, x: Tensor) -> Tensor:
        return (self.scale(x) >= 0.5).float().flatten(1)


class BinaryImageModel(Task):
    """What a machine of binary units learns from images, whatever it is trained by.

    network: an RBM, or what has its methods. inputs: from what the data holds to visible states (B, V).
    """

    def __init__(self, *, network: RBM, inputs: BinaryImages, descent: Descent, gibbs_steps: int) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.descent = descent
        self.gibbs_steps = gibbs_steps

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {"network": make(self.network, self.descent)}

    @abstractmethod
    def model_states(self, v: Tensor) -> Tensor:
        """Visible states (C, V) that stand for what the machine makes of itself; v (B, V) is data."""

    @abstractmethod
    def start_states(self, count: int, generator: torch.Generator) -> Tensor:
        """Visible states (count, V) from which samples are drawn."""

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: F(v) - <F(v')>, v' the machine's own states. Its gradient is that of -log p(v), where v' ~ p."""
        v = self.inputs(batch[0])
        return contrastive_losses(self.network, v, self.model_states(v))

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """free_energy, reconstruction_error; log_likelihood and pseudo_log_likelihood of an image, in nats;
        log_partition and partition_error, log Z and its standard error, 0 where it is exact."""
        size = self.network.num_visible
        order = torch.randperm(size, generator=torch.Generator().manual_seed(0)).to(self.device)
        looked_at = torch.arange(min(size, UNITS), device=self.device)
        pixels, seen = torch.zeros(size, device=self.device), 0

        def measures(batch: Batch) -> dict[str, Mean]:
            nonlocal seen
            v = self.inputs(batch[0])
            pixels.add_(v.sum(0))
            # Every item looks at the next few units, so that all of them are looked at equally often.
            items = torch.arange(seen, seen + len(v), device=self.device)
            units = order[(items[:, None] * len(looked_at) + looked_at) % size]
            seen += len(v)
            pseudo = size * self.network.log_conditional(v, units).mean(1)
            energy = self.network.free_energy(v)
            return {
                "free_energy": Mean.of(energy),
                "pseudo_log_likelihood": Mean.of(pseudo),
                "reconstruction_error": Mean.of(reconstruction_errors(self.network, v)),
            }

        means = mean_over(batches, measures)
        found = log_partition(self.network, ranks.sum_over_ranks(pixels) / means["items"])
        likelihood = -means["free_energy"] - found.value
        return {
            "log_likelihood": likelihood,
            **means,
            "log_partition": found.value,
            "partition_error": found.error,
        }

    @torch.no_grad()
    def log_likelihood(self, x: Any, *, steps: int = 1000, chains: int = 100, seed: int = 0) -> Tensor:
        """log p(v) (N,) float64 of images as the data holds them, in nats: exact with up to 20 units in the smaller
        group, else with an estimate of log Z by `steps` temperatures and so many chains."""
        v = self.inputs(to_tensor(x).to(self.device))
        found = log_partition(self.network, v.mean(0), steps=steps, chains=chains, seed=seed)
        return (-self.network.free_energy(v).double() - found.value).cpu()

    @torch.no_grad()
    def free_energy(self, x: Any) -> Tensor:
        """F(v) (N,) of images as the data holds them. Where it is lower on what was learned from than on other images
        of the kind, the machine overfits; the difference grows with it (Hinton 2012, section 6)."""
        return self.network.free_energy(self.inputs(to_tensor(x).to(self.device))).cpu()

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """p(h = 1 | v) (N, H) of images as the data holds them."""
        return self.network(self.inputs(to_tensor(x).to(self.device))).cpu()

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """p(v = 1 | h = z), as images (N, 1, H, W)."""
        return self._images(self.network.visible(to_tensor(z).float().to(self.device)))

    def reconstruct(self, x: Any) -> Tensor:
        """Images (N, 1, H, W) out of the hidden probabilities of images."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int = 0, steps: int = 500) -> Tensor:
        """Images (count, 1, H, W): p(v = 1 | h) at the ends of Gibbs chains of so many steps from `start_states`."""
        if labels is not None:
            raise UserError("This system knows no classes, so none can be asked for. Leave labels out.")
        generator = torch.Generator(self.device).manual_seed(seed)
        v = self.network.gibbs(self.start_states(count, generator), steps=steps - 1, generator=generator)
        return self._images(self.network.visible(draw(self.network(v), generator)))

    def _images(self, v: Tensor) -> Tensor:
        return v.view(len(v), *self.inputs.shape).cpu()

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        return {"network": (self.network, (self.inputs(batch[0]),))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the way from images to hidden probabilities."""
        return nn.Sequential(self.inputs, self.network), (batch[0],)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return pictures(self, self.network, next(iter(batches))[0])


def contrastive_losses(rbm: RBM, v: Tensor, states: Tensor) -> dict[str, Mean]:
    """loss: F(v) - <F(v')> of data v (B, V) and the machine's own states v' (C, V); free_energy: F(v);
    reconstruction_error: see `reconstruction_errors`."""
    energy = rbm.free_energy(v)
    with torch.no_grad():
        errors = reconstruction_errors(rbm, v)
    return {
        "loss": Mean.of(energy - rbm.free_energy(states).mean()),
        "free_energy": Mean.of(energy.detach()),
        "reconstruction_error": Mean.of(errors),
    }


def reconstruction_errors(rbm: RBM, v: Tensor) -> Tensor:
    """Mean squared difference of a visible unit, (B,), between v (B, V) and what its hidden probabilities give back."""
    return (v - rbm.visible(rbm(v))).square().mean(1)
