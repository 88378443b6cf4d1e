"""What the losses share: equal shapes, and one value per item."""

from torch import Tensor


def check_shapes(prediction: Tensor, target: Tensor) -> None:
    """Raise ValueError unless the shapes are equal: (B,) beside (B, 1) would silently broadcast to all pairs."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"Prediction and target must have one shape, received {tuple(prediction.shape)} and {tuple(target.shape)}."
        )


def sum_per_item(values: Tensor) -> Tensor:
    """(B, ...) to (B,)."""
    return values.flatten(1).sum(1) if values.ndim > 1 else values
