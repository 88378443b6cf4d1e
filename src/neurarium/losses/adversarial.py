"""Losses of the adversarial game, one value per item, from logits.

D = sigmoid(logit) is the probability that a sample is real. -log D = softplus(-logit) and
-log(1 - D) = softplus(logit), which neither overflow nor take the logarithm of 0 when the discriminator is sure.
"""

from torch import Tensor
from torch.nn import functional as F


def minimax_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """What the discriminator minimises; Goodfellow et al. 2014, equation 1 and algorithm 1, with the sign turned.

        L_D = - log D(x) - log(1 - D(G(z))) = softplus(-a_real) + softplus(a_fake)

    ln 4 when D = 1/2 everywhere, which is the equilibrium.

    real_logits, fake_logits (B,), as many of each as the algorithm draws; out (B,), one value a pair.
    Raises ValueError when the shapes differ.
    """
    if real_logits.shape != fake_logits.shape:
        raise ValueError(
            "The discriminator's loss expects as many real as generated samples, "
            f"received logits of shape {tuple(real_logits.shape)} and {tuple(fake_logits.shape)}."
        )
    return F.softplus(-real_logits) + F.softplus(fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """What the generator minimises in the minimax game; Goodfellow et al. 2014, algorithm 1.

        L_G = log(1 - D(G(z))) = - softplus(a)

    dL_G/da = - D(G(z)), which vanishes when the discriminator is sure. fake_logits (B,); out (B,).
    """
    return -F.softplus(fake_logits)


def non_saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """What the generator minimises in practice; Goodfellow et al. 2014, section 3.

        L_G = - log D(G(z)) = softplus(-a)

    The same fixed point as the minimax loss, but dL_G/da = D(G(z)) - 1 is largest when the discriminator is sure.
    fake_logits (B,); out (B,).
    """
    return F.softplus(-fake_logits)
