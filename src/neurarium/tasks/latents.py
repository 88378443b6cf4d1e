"""Codes that are picked by what they make, and sums of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def exemplars(
    decode: Callable[[Tensor], Tensor],
    wanted: Callable[[Tensor], Tensor],
    count: int,
    *,
    latent_size: int,
    seed: int = 0,
    draws: int = 20_000,
) -> Tensor:
    """The first `count` codes (count, latent_size), drawn from a standard normal, that make what is wanted.

    A generator has no way from an image to its code, so codes are drawn and picked by a look at their images; Radford
    et al. 2015, section 6.3.2, where people looked. decode: from codes (N, d) to images. wanted: from images (N, C, H,
    W) to booleans (N,). Raises ValueError where `draws` codes hold fewer.
    """
    random, found, kept = torch.Generator().manual_seed(seed), 0, []
    for _ in range(max(1, draws // 500)):
        z = torch.randn(500, latent_size, generator=random)
        good = z[wanted(decode(z)).cpu()]
        kept.append(good)
        found += len(good)
        if found >= count:
            return torch.cat(kept)[:count]
    raise ValueError(
        f"Of {draws:,} codes {found} make what is wanted, and {count} are needed. Want less, or draw more."
    )


def latent_arithmetic(first: Tensor, minus: Tensor, plus: Tensor) -> Tensor:
    """mean(first) - mean(minus) + mean(plus) of codes, each (N, d); out (d,). Radford et al. 2015, section 6.3.2.

    One code of each kind also says much that is not meant; in the mean of several that is weaker. The paper takes
    three.
    """
    return first.mean(0) - minus.mean(0) + plus.mean(0)
