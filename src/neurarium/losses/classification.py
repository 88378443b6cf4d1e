"""Losses of classifiers, one value per item."""

import torch
from torch import Tensor
from torch.nn import functional as F

from neurarium.losses.items import check_shapes, sum_per_item


def cross_entropy(logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Softmax cross-entropy.

        L = - sum_c q_c log p_c,    p = softmax(logits),    q_c = (1 - s) [c = target] + s / C

    s = label_smoothing (Szegedy et al. 2016, section 7). With s = 0 it is -log p_target, and dL/dz_c = p_c - q_c.

    logits (B, C), target (B,) int64 classes; out (B,). Further axes, as in (B, C, T) and (B, T), stay: then each
    position is an item. As in torch, target -100 marks a position that is no item: its loss is 0.
    """
    return F.cross_entropy(logits, target, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of Bernoulli outputs, from logits a so that no logarithm of 0 occurs.

        L = - sum_k [t_k log g(a_k) + (1 - t_k) log(1 - g(a_k))]
          = sum_k [max(a_k, 0) - a_k t_k + log(1 + exp(-|a_k|))],    g(a) = 1 / (1 + exp(-a))

    logits and target (B,) or (B, ...) of equal shape, targets in [0, 1]; summed over all axes but the first; out (B,).
    Raises ValueError when the shapes differ.
    """
    check_shapes(logits, target)
    losses = F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none")
    return sum_per_item(losses)


def perceptron_criterion(score: Tensor, target: Tensor) -> Tensor:
    """Distance of a misclassified point from the hyperplane, up to the length of w; 0 for the others.

        E = - t s  if t s <= 0,  else 0,    s = w^T x + w_0,    t in {-1, +1}

    Its gradient step with rate eta is the perceptron rule, w + eta t x (Rosenblatt 1958). A point on the hyperplane
    counts as misclassified and has a gradient, for a start at w = 0 would never move otherwise.

    score and target of equal shape, (B,) or (B, 1); out (B,). Raises ValueError when the shapes differ.
    """
    check_shapes(score, target)
    margin = score * target
    # Not relu(-margin): its derivative at 0 is 0 in torch.
    return sum_per_item(torch.where(margin <= 0, -margin, 0.0))


def lecun_map_loss(penalties: Tensor, target: Tensor, *, j: float) -> Tensor:
    """Discriminative loss of LeNet-5: maximum a posteriori, LeCun, Bottou, Bengio, Haffner 1998, equation 9.

        L = y_target + log(exp(-j) + sum_i exp(-y_i))

    y_i >= 0 are penalties, such as distances to class codes. The first term pulls the right class down, the second
    pushes all classes up as far as exp(-y_i) is not small beside exp(-j): j > 0 is the penalty of a "none of them"
    class, which keeps the pushing from going on without end. The paper gives no value for it. L > 0 always.

    penalties (B, C), target (B,) int64 classes; out (B,). Raises ValueError when j <= 0.
    """
    if not j > 0:
        raise ValueError(f"lecun_map_loss expects j > 0, received {j}.")
    garbage = penalties.new_full((len(penalties), 1), -j)
    log_sum = torch.logsumexp(torch.cat([garbage, -penalties], dim=1), dim=1)
    return penalties.gather(1, target[:, None]).squeeze(1) + log_sum
