"""Losses of regression, one value per item."""

from torch import Tensor
from torch.nn import functional as F

from neurarium.losses.items import check_shapes, sum_per_item


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared Euclidean distance.

        L = sum_k (y_k - t_k)^2

    Half of it is, up to a constant, the negative log-likelihood under Gaussian noise of unit variance.

    prediction and target (B,) or (B, ...) of equal shape; summed over all axes but the first; out (B,).
    Raises ValueError when the shapes differ.
    """
    check_shapes(prediction, target)
    return sum_per_item(F.mse_loss(prediction, target, reduction="none"))


def huber(prediction: Tensor, target: Tensor, *, delta: float = 1.0) -> Tensor:
    """Huber loss (Huber 1964): squared near zero, linear beyond delta, so that an outlier's gradient is bounded.

        L = sum_k h(y_k - t_k),    h(e) = e^2 / 2  if |e| <= delta,  else  delta (|e| - delta / 2)

    prediction and target (B,) or (B, ...) of equal shape; summed over all axes but the first; out (B,).
    Raises ValueError when the shapes differ or delta <= 0.
    """
    if not delta > 0:
        raise ValueError(f"huber expects delta > 0, received {delta}.")
    check_shapes(prediction, target)
    return sum_per_item(F.huber_loss(prediction, target, reduction="none", delta=delta))
