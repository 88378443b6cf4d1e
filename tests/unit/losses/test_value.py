import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from neurarium.losses.value import huber_td_error, q_learning_target, squared_td_error

RNG = np.random.default_rng(0)
VALUES = RNG.normal(scale=2, size=(6, 3))
ACTION = np.array([0, 2, 1, 1, 0, 2])
TARGET = RNG.normal(size=6)
ERROR = TARGET - VALUES[np.arange(6), ACTION]


def test_target_is_its_formula() -> None:
    reward, next_values = RNG.normal(size=6), RNG.normal(size=(6, 3))
    done = np.array([False, True, False, False, True, False])
    ours = q_learning_target(*(torch.tensor(v) for v in (reward, done, next_values)), discount=0.9)
    np.testing.assert_allclose(ours.numpy(), reward + 0.9 * (1 - done) * next_values.max(1), rtol=1e-14)


def test_target_is_a_constant() -> None:
    reward = torch.ones(2, requires_grad=True)
    next_values = torch.zeros(2, 3, requires_grad=True)
    target = q_learning_target(reward, torch.tensor([True, False]), next_values, discount=0.9)
    assert not target.requires_grad


def test_what_lies_behind_the_end_does_not_matter() -> None:
    behind = torch.tensor([[torch.nan, 1.0], [torch.inf, 1.0]])
    target = q_learning_target(torch.tensor([1.0, 2.0]), torch.tensor([True, True]), behind, discount=1.0)
    assert target.tolist() == [1.0, 2.0]


def test_squared_error_is_its_formula_and_only_the_taken_action_learns() -> None:
    values = torch.tensor(VALUES, requires_grad=True)
    losses = squared_td_error(values, torch.tensor(ACTION), torch.tensor(TARGET))
    np.testing.assert_allclose(losses.detach().numpy(), ERROR**2, rtol=1e-12)
    losses.sum().backward()
    assert values.grad is not None
    np.testing.assert_allclose(values.grad.numpy(), np.eye(3)[ACTION] * -2 * ERROR[:, None], rtol=1e-12)


@pytest.mark.parametrize("delta", [0.5, 1.0])
def test_huber_error_is_its_formula_and_its_gradient_the_clipped_error(delta: float) -> None:
    values = torch.tensor(VALUES, requires_grad=True)
    losses = huber_td_error(values, torch.tensor(ACTION), torch.tensor(TARGET), delta=delta)
    size = np.abs(ERROR)
    np.testing.assert_allclose(
        losses.detach().numpy(), np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)), rtol=1e-12
    )
    losses.sum().backward()
    assert values.grad is not None
    clipped = np.clip(ERROR, -delta, delta)
    np.testing.assert_allclose(values.grad.numpy(), np.eye(3)[ACTION] * -clipped[:, None], rtol=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    values = torch.tensor(VALUES, requires_grad=True)
    action, target = torch.tensor(ACTION), torch.tensor(TARGET)
    assert gradcheck(lambda v: squared_td_error(v, action, target), values)
    assert gradcheck(lambda v: huber_td_error(v, action, target), values)


def test_wrong_settings_and_shapes_are_refused() -> None:
    reward, done, values = torch.zeros(3), torch.zeros(3, dtype=torch.bool), torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"discount in \[0, 1\], received 1.5"):
        q_learning_target(reward, done, values, discount=1.5)
    with pytest.raises(ValueError, match=r"done as bool, received torch.float32"):
        q_learning_target(reward, done.float(), values, discount=0.9)
    with pytest.raises(ValueError, match=r"received \(3, 2\), \(3, 1\), \(3,\)"):
        q_learning_target(reward[:, None], done, values, discount=0.9)
    with pytest.raises(ValueError, match=r"received \(3, 2\), \(3,\), \(3, 1\)"):
        squared_td_error(values, torch.zeros(3, dtype=torch.int64), reward[:, None])
    with pytest.raises(ValueError, match="expects delta > 0, received 0"):
        huber_td_error(values, torch.zeros(3, dtype=torch.int64), reward, delta=0)
