"""How many modes of a known mixture samples reach."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from neurarium.tasks.collapse import spread


class ModesReached:
    """Of samples (N, D) beside a mixture of equal Gaussians, whose centres and deviation are known.

    modes: centres with one sample in a hundred within three deviations. quality: share of samples so near one.
    divergence: KL divergence (nats) of the samples of quality over centres from an even share, 0 where all are met
    alike; Metz et al. 2017, section 3.1 and table 1, count modes so. spread: how much they vary beside real points.
    """

    def __init__(self, centers: Iterable[Iterable[float]], std: float) -> None:
        self.centers = torch.tensor([list(center) for center in centers])
        self.std = std

    def __call__(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, float]:
        distance, nearest = torch.cdist(fake.cpu().float(), self.centers).min(1)
        good = nearest[distance <= 3 * self.std]
        hits = torch.bincount(good, minlength=len(self.centers))
        share = hits[hits > 0] / max(1, len(good))
        return {
            "modes": float((hits >= len(fake) / 100).sum()),
            "quality": len(good) / len(fake),
            "spread": spread(real, fake),
            "divergence": float((share * (share * len(self.centers)).log()).sum()),
        }
