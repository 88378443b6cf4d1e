"""What the generator of a GAN is told besides noise, and what the discriminator must say besides "real".

A condition draws c (B, size), the generator's second argument. If it is `shown`, the discriminator gets it beside the
image. An auxiliary loss is on what the discriminator says of c: columns 1 and up of its scores, one value an item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Parts = dict[str, Tensor]
"""Losses by name, each (B,), which are added to what the player minimises."""


class Condition(Protocol):
    @property
    def size(self) -> int: ...

    @property
    def num_classes(self) -> int:
        """Of which one can be asked for by its number."""

    @property
    def shown(self) -> bool: ...

    def draw(
        self, count: int, labels: Tensor | None, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """c (count, size) float32 on the device, of these labels (count,) int64, or of some drawn evenly."""


class Auxiliary(Protocol):
    @property
    def size(self) -> int:
        """Columns that the discriminator has for it."""

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor | None, c: Tensor) -> Parts:
        """Scores for it, (B, size), of real and generated samples; labels (B,) of the real ones, c of the others."""

    def generator(self, fake: Tensor, c: Tensor) -> Parts: ...


@dataclass(frozen=True)
class Label:
    """A class, one-hot. Shown to both players it makes the conditional GAN of Mirza, Osindero 2014."""

    size: int
    shown: bool = True

    @property
    def num_classes(self) -> int:
        return self.size

    def draw(
        self, count: int, labels: Tensor | None, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        if labels is None:
            labels = torch.randint(self.size, (count,), generator=generator, device=device)
        return F.one_hot(labels, self.size).float()


@dataclass(frozen=True)
class Codes:
    """One of some categories and some numbers evenly from [-1, 1]; Chen et al. 2016, section 7. Never shown."""

    categories: int = 10
    numbers: int = 2
    shown: bool = False

    @property
    def size(self) -> int:
        return self.categories + self.numbers

    @property
    def num_classes(self) -> int:
        return self.categories

    def draw(
        self, count: int, labels: Tensor | None, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """labels: categories that are asked for. What each of them means is for the network to find out."""
        category = Label(self.categories).draw(count, labels, device, generator)
        numbers = torch.rand(count, self.numbers, generator=generator, device=device)
        return torch.cat([category, 2 * numbers - 1], 1)


@dataclass(frozen=True)
class ClassPrediction:
    """The discriminator names the class, and the generator wants its images named right; Odena et al. 2016.

    With L_S and L_C the log-likelihoods of the right source and the right class, D maximises L_S + L_C and G
    maximises L_C - L_S. With `fakes` false only real images are named, as in section 5 of Salimans et al. 2016: their
    labels shape what the discriminator looks at, and the generator need not be told any.
    """

    size: int
    fakes: bool = True

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor | None, c: Tensor) -> Parts:
        assert labels is not None, "classes are predicted from labelled images"
        parts = {"real_class": F.cross_entropy(real, labels, reduction="none")}
        return {**parts, **self.generator(fake, c)}

    def generator(self, fake: Tensor, c: Tensor) -> Parts:
        return {"fake_class": F.cross_entropy(fake, c.argmax(1), reduction="none")} if self.fakes else {}


@dataclass(frozen=True)
class CodePrediction:
    """What was drawn is read back from the image: - weight log Q(c | G(z, c)); Chen et al. 2016, equations 5 and 6.

    min_{G, Q} max_D V(D, G) - weight L_I(G, Q), with the bound L_I = E log Q(c | x) + H(c) on the mutual information,
    whose H(c) is a constant. Q shares the discriminator's layers, so both players minimise it. Of the category it is
    the cross-entropy, of each number half the squared error: a Gaussian with deviation 1 but for a constant.
    """

    codes: Codes
    weight: float = 1.0

    @property
    def size(self) -> int:
        return self.codes.size

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor | None, c: Tensor) -> Parts:
        return self.generator(fake, c)

    def generator(self, fake: Tensor, c: Tensor) -> Parts:
        sizes = [self.codes.categories, self.codes.numbers]
        (category, numbers), (true_category, true_numbers) = fake.split(sizes, 1), c.split(sizes, 1)
        off = (numbers - true_numbers).square().sum(1) / 2
        named = F.cross_entropy(category, true_category.argmax(1), reduction="none")
        return {"category": self.weight * named, "numbers": self.weight * off}
