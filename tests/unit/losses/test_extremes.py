"""At logits of +-10,000 every loss and every gradient is finite and right; one value comes out for each item."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurarium.losses.adversarial import (
    minimax_discriminator_loss,
    non_saturating_generator_loss,
    saturating_generator_loss,
)
from neurarium.losses.classification import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    lecun_map_loss,
    perceptron_criterion,
)
from neurarium.losses.regression import huber, squared_error
from neurarium.losses.value import huber_td_error, squared_td_error

HUGE = 1e4


@pytest.mark.parametrize(
    ("loss", "outputs", "values", "gradient"),
    [
        (lambda z: cross_entropy(z, torch.tensor([0, 1])), [[HUGE, -HUGE]] * 2, [0, 2e4], [[0, 0], [1, -1]]),
        (
            lambda z: cross_entropy(z, torch.tensor([0, 1]), label_smoothing=0.5),
            [[HUGE, -HUGE]] * 2,
            [5e3, 1.5e4],
            [[0.25, -0.25], [0.75, -0.75]],
        ),
        (
            lambda z: binary_cross_entropy_with_logits(z, torch.tensor([1, 0, 1, 0])),
            [HUGE, HUGE, -HUGE, -HUGE],
            [0, 1e4, 1e4, 0],
            [0, 1, -1, 0],
        ),
        (lambda s: perceptron_criterion(s, torch.tensor([1, -1])), [HUGE, HUGE], [0, 1e4], [0, 1]),
        (
            lambda y: lecun_map_loss(y, torch.tensor([0, 1]), j=1.0),
            [[0, HUGE], [0, HUGE]],
            [0.3132617, 1e4 + 0.3132617],  # ln(1 + 1/e)
            [[0.2689414, 0], [-0.7310586, 1]],  # 1 - 1 / (1 + 1/e), and what is left of it
        ),
        (lambda y: squared_error(y, torch.zeros(2)), [HUGE, -HUGE], [1e8, 1e8], [2e4, -2e4]),
        (lambda y: huber(y, torch.zeros(2), delta=2.0), [HUGE, -HUGE], [2e4 - 2, 2e4 - 2], [2, -2]),
        (
            lambda q: huber_td_error(q, torch.tensor([1, 0]), torch.zeros(2)),
            [[0, HUGE], [-HUGE, 0]],
            [1e4 - 0.5, 1e4 - 0.5],
            [[0, 1], [-1, 0]],
        ),
        (
            lambda q: squared_td_error(q, torch.tensor([1, 0]), torch.zeros(2)),
            [[0, HUGE], [-HUGE, 0]],
            [1e8, 1e8],
            [[0, 2e4], [-2e4, 0]],
        ),
        (saturating_generator_loss, [HUGE, -HUGE], [-1e4, 0], [-1, 0]),
        (non_saturating_generator_loss, [HUGE, -HUGE], [0, 1e4], [0, -1]),
        (lambda a: minimax_discriminator_loss(a, -a), [HUGE, -HUGE], [0, 2e4], [0, -2]),
    ],
    ids=[
        *("cross-entropy", "smoothed", "binary", "perceptron", "lecun", "squared", "huber", "huber-td", "squared-td"),
        *("saturating", "non-saturating", "discriminator"),
    ],
)
def test_losses_and_gradients_at_the_extremes(
    loss: Callable[[Tensor], Tensor], outputs: list[float], values: list[float], gradient: list[float]
) -> None:
    given = torch.tensor(outputs, dtype=torch.float32, requires_grad=True)
    found = loss(given)
    assert found.shape == (len(outputs),)
    torch.testing.assert_close(found, torch.tensor(values, dtype=torch.float32))
    (slope,) = torch.autograd.grad(found.sum(), given)
    torch.testing.assert_close(slope, torch.tensor(gradient, dtype=torch.float32))


@pytest.mark.parametrize("loss", [squared_error, huber, binary_cross_entropy_with_logits])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 0), (4,), (4, 2, 3)])
def test_one_value_comes_out_for_each_item_be_there_none(
    loss: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]
) -> None:
    prediction, target = torch.randn(shape), torch.rand(shape)
    found = loss(prediction, target)
    assert found.shape == shape[:1]
    alone = [loss(p[None], t[None]).item() for p, t in zip(prediction, target, strict=True)]
    torch.testing.assert_close(found, torch.tensor(alone))
