"""Restricted Boltzmann machines, trained by contrastive divergence: where the machine's own states come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from neurarium.nn.rbm import RBM, draw
from neurarium.tasks.binary_images import BinaryImageModel, BinaryImages
from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper


class ContrastiveDivergence(BinaryImageModel):
    """CD-k, Hinton 2002: the machine's own states are those k Gibbs steps away from the data."""

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        return steppers["network"].update(self.loss, next(batches))

    def model_states(self, v: Tensor) -> Tensor:
        return self.network.gibbs(v, steps=self.gibbs_steps)

    def start_states(self, count: int, generator: torch.Generator) -> Tensor:
        """Random pixels: chains from there may need long to come to what is likely."""
        return draw(torch.full((count, self.network.num_visible), 0.5, device=self.device), generator)


class PersistentContrastiveDivergence(BinaryImageModel):
    """PCD-k, Tieleman 2008: chains that are never put back to the data go on by k Gibbs steps before each update.

    The chains are a buffer, all of them on every rank: each rank moves its share and they tell one another.
    """

    chains: Tensor

    def __init__(
        self, *, network: RBM, inputs: BinaryImages, descent: Descent, gibbs_steps: int, num_chains: int
    ) -> None:
        super().__init__(network=network, inputs=inputs, descent=descent, gibbs_steps=gibbs_steps)
        self.register_buffer("chains", draw(torch.full((num_chains, network.num_visible), 0.5)))

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        self.advance()
        return steppers["network"].update(self.loss, next(batches))

    @torch.no_grad()
    def advance(self) -> None:
        mine = slice(ranks.rank(), None, ranks.world())
        moved = torch.zeros_like(self.chains)
        moved[mine] = self.network.gibbs(self.chains[mine], steps=self.gibbs_steps)
        self.chains.copy_(ranks.sum_over_ranks(moved))

    def model_states(self, v: Tensor) -> Tensor:
        return self.chains

    def start_states(self, count: int, generator: torch.Generator) -> Tensor:
        """The chains, in a random order, each as often as the others but for one time."""
        whole, rest = divmod(count, len(self.chains))
        rows = torch.randperm(len(self.chains), generator=generator, device=self.device)
        return self.chains[torch.cat([rows.repeat(whole), rows[:rest]])]
