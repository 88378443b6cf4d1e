import numpy as np
import pytest
import torch
from scipy.special import huber as scipy_huber
from torch.autograd import gradcheck

from neurarium.losses.regression import huber, squared_error

RNG = np.random.default_rng(0)
PREDICTION, TARGET = RNG.normal(scale=2, size=(2, 6, 3))


@pytest.mark.parametrize("axes", [(6,), (6, 3), (6, 3, 1)])
def test_squared_error_is_its_formula(axes: tuple[int, ...]) -> None:
    prediction, target = (np.resize(values, axes) for values in (PREDICTION, TARGET))
    losses = squared_error(torch.tensor(prediction), torch.tensor(target))
    expected = ((prediction - target) ** 2).reshape(6, -1).sum(1)
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_huber_is_its_formula(delta: float) -> None:
    losses = huber(torch.tensor(PREDICTION), torch.tensor(TARGET), delta=delta)
    np.testing.assert_allclose(losses.numpy(), scipy_huber(delta, PREDICTION - TARGET).sum(1), rtol=1e-12)
    e = np.abs(PREDICTION - TARGET)
    by_hand = np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).sum(1)
    np.testing.assert_allclose(losses.numpy(), by_hand, rtol=1e-12)


def test_gradients_are_2e_and_the_clipped_e() -> None:
    prediction = torch.tensor(PREDICTION, requires_grad=True)
    (gradient,) = torch.autograd.grad(squared_error(prediction, torch.tensor(TARGET)).sum(), prediction)
    np.testing.assert_allclose(gradient.numpy(), 2 * (PREDICTION - TARGET), rtol=1e-12)
    (gradient,) = torch.autograd.grad(huber(prediction, torch.tensor(TARGET), delta=0.7).sum(), prediction)
    np.testing.assert_allclose(gradient.numpy(), np.clip(PREDICTION - TARGET, -0.7, 0.7), rtol=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    inputs = (torch.tensor(PREDICTION, requires_grad=True), torch.tensor(TARGET, requires_grad=True))
    assert gradcheck(squared_error, inputs)
    assert gradcheck(huber, inputs)


@pytest.mark.parametrize("loss", [squared_error, huber])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:
    with pytest.raises(ValueError, match=r"one shape, received \(3, 1\) and \(3,\)"):
        loss(torch.zeros(3, 1), torch.zeros(3))


def test_delta_must_be_positive() -> None:
    with pytest.raises(ValueError, match="expects delta > 0, received 0"):
        huber(torch.zeros(1), torch.zeros(1), delta=0)
