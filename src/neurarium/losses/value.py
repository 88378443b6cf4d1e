"""Losses of learning action values, one value per transition."""

import torch
from torch import Tensor
from torch.nn import functional as F


def q_learning_target(reward: Tensor, done: Tensor, next_values: Tensor, *, discount: float) -> Tensor:
    """What Q(s, a) should be after one step; Mnih et al. 2013, algorithm 1, and 2015 with a target network.

        y = r + gamma (1 - done) max_a' Q_target(s', a')

    The target is a constant: no gradient flows into `next_values`, as in the paper. At the end of an episode y = r,
    whatever the network says of the state behind the end.

    reward (B,), done (B,) bool, next_values (B, A); out (B,) without gradient.
    Raises ValueError when the shapes do not fit, the discount is outside [0, 1] or done is not bool.
    """
    if not 0 <= discount <= 1:
        raise ValueError(f"q_learning_target expects a discount in [0, 1], received {discount}.")
    if done.dtype != torch.bool:
        raise ValueError(f"q_learning_target expects done as bool, received {done.dtype}.")
    _check_transitions(next_values, reward, done)
    with torch.no_grad():
        return torch.where(done, reward, reward + discount * next_values.amax(1))


def squared_td_error(values: Tensor, action: Tensor, target: Tensor) -> Tensor:
    """Squared temporal-difference error; Mnih et al. 2013, equation 2.

        L = (y - Q(s, a))^2

    values: Q(s, .), (B, A); action (B,) int64; target y (B,); out (B,). Raises ValueError when the shapes do not fit.
    """
    return F.mse_loss(_taken(values, action, target), target, reduction="none")


def huber_td_error(values: Tensor, action: Tensor, target: Tensor, *, delta: float = 1.0) -> Tensor:
    """Temporal-difference error under the Huber loss: with delta = 1 the clipped error of Mnih et al. 2015, methods.

        L = h(y - Q(s, a)),    h(e) = e^2 / 2  if |e| <= delta,  else  delta (|e| - delta / 2)

    values: Q(s, .), (B, A); action (B,) int64; target y (B,); out (B,). Raises ValueError when the shapes do not fit or
    delta <= 0.
    """
    if not delta > 0:
        raise ValueError(f"huber_td_error expects delta > 0, received {delta}.")
    return F.huber_loss(_taken(values, action, target), target, reduction="none", delta=delta)


def _taken(values: Tensor, action: Tensor, target: Tensor) -> Tensor:
    """Q(s, a) of the actions that were taken: (B,)."""
    _check_transitions(values, action, target)
    return values.gather(1, action[:, None]).squeeze(1)


def _check_transitions(values: Tensor, *columns: Tensor) -> None:
    # (B,) beside (B, 1) would silently broadcast to all pairs.
    if values.ndim != 2 or any(column.shape != values.shape[:1] for column in columns):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (values, *columns))
        raise ValueError(f"Action values must have shape (B, A) and all else (B,), received {shapes}.")
