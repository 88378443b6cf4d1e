"""What bounds the slope of a critic."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurarium.losses.adversarial import interpolated_gradient_penalty
from neurarium.tasks.adversarial import Judge
from neurarium.train.hardware import eager


@dataclass(frozen=True)
class GradientPenalty:
    """weight (|grad D(x^)| - 1)^2 at x^ = e x + (1 - e) G(z), e ~ U[0, 1]; Gulrajani et al. 2017, algorithm 1.

    One e for each sample, whatever its shape, and the Euclidean norm over all entries of one sample. The slopes are
    those of each sample's own score: a critic that sees other samples of the batch, as through batch statistics, has
    none (section 4 of the paper).

    They are taken in single precision and without compiled kernels, which cannot be differentiated twice.
    """

    weight: float = 10.0

    def __call__(self, judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
        """real, fake (B, ...) of one shape; out (B,), with a gradient in the parameters behind `judge`."""
        with eager(), torch.autocast(real.device.type, enabled=False):
            share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
            between = (share * real.detach().float() + (1 - share) * fake.detach().float()).requires_grad_()
            (slopes,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
            return self.weight * interpolated_gradient_penalty(slopes)
