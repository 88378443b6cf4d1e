"""What is it made of, in few numbers?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from neurarium.losses.regression import squared_error
from neurarium.nn.corruption import Corruption, corrupt_alone
from neurarium.tasks.autoencoder_pictures import pictures
from neurarium.tasks.classification import to_tensor
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.task import Figures, LossTask

CHUNK = 1000
"""Items of one forward pass of `encode`, `decode` and `reconstruct`, which bounds their memory."""
ACTIVE = 0.1
"""A unit of the code is active for an item where its size is above this."""


class CodePenalty(Protocol):
    """What the code is charged for, a number () already times its weight: mean over the items of the batch.

    encoder: from x to the code; x: what it read, (B, ...); code: what it gave, (B, ...).
    """

    def __call__(self, encoder: nn.Module, x: Tensor, code: Tensor) -> Tensor: ...


class Autoencoder(LossTask):
    """Learns to give back what it is given, by way of a code: min L(x, g(f(x))) + Omega.

    encoder: f, from prepared inputs to codes (B, d), or maps that stand for them. decoder: g, from codes to outputs
        of the shape of the targets; it takes the codes (B, d) of flattened maps too.
    inputs: from what the data holds to what the encoder reads. targets: to what the decoder shall give; the same if
        None, and then input and output are in one space.
    criterion: (decoder's output, target) -> loss of each item (B,). output: from the decoder's output to values in the
        space of the targets, such as nn.Sigmoid() where the criterion takes logits.
    corrupt: spoils what the encoder reads while it learns; the target stays clean (Vincent et al. 2008). Inputs and
        targets must be in one space then.
    penalty: on the code, while it learns.
    classes: names of the labels that come with the data, which colour pictures and are not learned from.
    Batches are NamedTuples whose first field is x; the last of several are labels.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        decoder: nn.Module,
        inputs: nn.Module,
        descent: Descent,
        targets: nn.Module | None = None,
        criterion: Callable[[Tensor, Tensor], Tensor] = squared_error,
        output: nn.Module | None = None,
        corrupt: Corruption | None = None,
        penalty: CodePenalty | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.inputs = inputs
        self.targets = inputs if targets is None else targets
        self.output = nn.Identity() if output is None else output
        self.descent = descent
        self.criterion = criterion
        self.corrupt = corrupt
        self.penalty = penalty
        self.classes = tuple(classes)

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: L of the targets. reconstruction_error: mean squared difference of a value. active_units: share of the
        units of the code whose size is above 0.1. penalty: Omega, while it learns.

        With corruption, of what the encoder was shown: spoiled while it learns, clean in evaluations. Then
        restored_error is the mean squared difference of those values that the corruption changed, and spoiled_error
        the same before the network; in evaluations each item is spoiled by draws of its own, always the same.
        """
        clean, target = self.inputs(batch[0]), self.targets(batch[0])
        spoiled = self._spoiled(clean)
        x = spoiled if self.training else clean
        code = self.encoder(x)
        given = self.decoder(code).float()
        found = self.output(given.detach())
        means = {
            "loss": Mean.of(self.criterion(given, target)),
            "reconstruction_error": Mean.of((found - target).square().flatten(1).mean(1)),
            "active_units": Mean.of((code.detach().abs() > ACTIVE).flatten(1).float().mean(1)),
        }
        if self.corrupt is not None:
            changed = (spoiled != clean).float()
            restored = found if self.training else self.output(self.decoder(self.encoder(spoiled)).float())
            means["restored_error"] = Mean.of((restored - target).square(), changed)
            means["spoiled_error"] = Mean.of((spoiled - target).square(), changed)
        if self.penalty is not None and self.training:
            means["penalty"] = Mean(self.penalty(self.encoder, x, code) * len(x), len(x))
        return means

    def _spoiled(self, clean: Tensor) -> Tensor:
        if self.corrupt is None:
            return clean
        return self.corrupt(clean) if self.training else corrupt_alone(self.corrupt, clean)

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """Codes (N, d) on the CPU, of N items as the data holds them: a tensor or a numpy array."""
        chunks = to_tensor(x).split(CHUNK)
        return torch.cat([self.encoder(self.inputs(part.to(self.device))).flatten(1).float().cpu() for part in chunks])

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """Items from codes (N, d), on the CPU: images (N, C, H, W) in [0, 1], others in their own units."""
        chunks = to_tensor(z).float().split(CHUNK)
        return torch.cat([self.shown(self.decoder(part.to(self.device))).cpu() for part in chunks])

    @torch.no_grad()
    def reconstruct(self, x: Any) -> Tensor:
        """What is left of N items after the way through the code, as `decode` gives it; x as the data holds it."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def reconstruction_errors(self, x: Any) -> Tensor:
        """Mean squared difference of a value, (N,) on the CPU: high where an item is unlike what was learned from."""
        parts = to_tensor(x).split(CHUNK)
        errors = []
        for part in parts:
            part = part.to(self.device)
            found = self.output(self.decoder(self.encoder(self.inputs(part))).float())
            errors.append((found - self.targets(part)).square().flatten(1).mean(1).cpu())
        return torch.cat(errors)

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        x = self.inputs(batch[0])
        with torch.no_grad():
            code = self.encoder(x)
        return {"encoder": (self.encoder, (x,)), "decoder": (self.decoder, (code,))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return Reconstruction(self), (batch[0],)

    @torch.no_grad()
    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return pictures(self, batches)

    def shown(self, given: Tensor) -> Tensor:
        """From the decoder's output to items as a person has them."""
        values: Tensor = self.targets.restore(self.output(given.float()))  # type: ignore[operator]
        return values


class Reconstruction(nn.Module):
    """From items as the data holds them to what is left of them, for export."""

    def __init__(self, task: Autoencoder) -> None:
        super().__init__()
        self.inputs, self.encoder, self.decoder = task.inputs, task.encoder, task.decoder
        self.output = task.output

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = self.output(self.decoder(self.encoder(self.inputs(x))))
        return values
