import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, logsumexp, softmax
from torch.autograd import gradcheck

from neurarium.losses.classification import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    lecun_map_loss,
    perceptron_criterion,
)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=3, size=(5, 4))
CLASSES = np.array([0, 3, 1, 1, 2])
ONE_HOT = np.eye(4)[CLASSES]


def double(values: np.ndarray, *, grad: bool = False) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_is_its_formula_and_its_gradient_p_minus_q(smoothing: float) -> None:
    logits = double(LOGITS, grad=True)
    losses = cross_entropy(logits, torch.tensor(CLASSES), label_smoothing=smoothing)
    q = (1 - smoothing) * ONE_HOT + smoothing / 4
    np.testing.assert_allclose(losses.detach().numpy(), -(q * log_softmax(LOGITS, axis=1)).sum(1), rtol=1e-12)
    losses.sum().backward()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), softmax(LOGITS, axis=1) - q, atol=1e-14)


def test_cross_entropy_of_equal_scores_is_ln_c() -> None:
    assert cross_entropy(torch.zeros(2, 10), torch.tensor([3, 9])).tolist() == pytest.approx([math.log(10)] * 2)


def test_cross_entropy_keeps_further_axes_and_gives_no_loss_where_there_is_no_item() -> None:
    logits = double(RNG.normal(size=(2, 4, 3)))
    target = torch.tensor([[0, 1, -100], [3, 2, 2]])
    losses = cross_entropy(logits, target)
    expected = -log_softmax(logits.numpy(), axis=1)
    for b, t in np.ndindex(2, 3):
        label = int(target[b, t])
        assert losses[b, t].item() == pytest.approx(0.0 if label == -100 else expected[b, label, t])


def test_cross_entropy_survives_sure_logits() -> None:
    losses = cross_entropy(torch.tensor([[1e4, 0.0], [1e4, 0.0]]), torch.tensor([0, 1]))
    assert losses.tolist() == [0.0, 1e4]


def test_binary_cross_entropy_is_its_formula_and_its_gradient() -> None:
    target = RNG.uniform(size=(5, 4))
    logits = double(LOGITS, grad=True)
    losses = binary_cross_entropy_with_logits(logits, double(target))
    p = expit(LOGITS)
    np.testing.assert_allclose(
        losses.detach().numpy(), -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(1), rtol=1e-10
    )
    stable = np.maximum(LOGITS, 0) - LOGITS * target + np.log1p(np.exp(-np.abs(LOGITS)))
    np.testing.assert_allclose(losses.detach().numpy(), stable.sum(1), rtol=1e-12)
    losses.sum().backward()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), p - target, atol=1e-14)


def test_binary_cross_entropy_takes_integer_labels_and_survives_sure_logits() -> None:
    losses = binary_cross_entropy_with_logits(torch.tensor([1e4, 1e4, 0.0]), torch.tensor([1, 0, 1]))
    assert losses.tolist() == pytest.approx([0.0, 1e4, math.log(2)])


@settings(max_examples=50, deadline=None)
@given(a=st.floats(-30, 30), t=st.sampled_from([0, 1]))
def test_binary_is_two_class_cross_entropy(a: float, t: int) -> None:
    binary = binary_cross_entropy_with_logits(double(np.array([a])), torch.tensor([t]))
    torch.testing.assert_close(binary, cross_entropy(double(np.array([[0.0, a]])), torch.tensor([t])))


def test_perceptron_criterion_is_its_formula_and_its_gradient_the_rule() -> None:
    score = torch.tensor([2.0, -2.0, 3.0, -3.0, 0.0, 0.0], requires_grad=True)
    target = torch.tensor([1, 1, -1, -1, 1, -1])
    losses = perceptron_criterion(score, target)
    assert losses.tolist() == [0.0, 2.0, 3.0, 0.0, 0.0, 0.0]
    losses.sum().backward()
    assert score.grad is not None
    # -t for each misclassified point; a point on the hyperplane is misclassified too.
    assert score.grad.tolist() == [0.0, -1.0, 1.0, 0.0, -1.0, 1.0]


def test_perceptron_criterion_gives_one_value_an_item_for_a_column_of_scores() -> None:
    assert perceptron_criterion(torch.tensor([[-2.0], [1.0]]), torch.tensor([[1], [-1]])).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("j", [0.1, 1.0, 20.0])
def test_lecun_map_loss_is_equation_9(j: float) -> None:
    penalties = RNG.uniform(0, 10, size=(5, 4))
    losses = lecun_map_loss(double(penalties), torch.tensor(CLASSES), j=j)
    expected = penalties[np.arange(5), CLASSES] + np.log(np.exp(-j) + np.exp(-penalties).sum(1))
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-10)


def test_lecun_map_loss_has_the_gradient_of_its_derivative() -> None:
    penalties = RNG.uniform(0, 5, size=(5, 4))
    y = double(penalties, grad=True)
    lecun_map_loss(y, torch.tensor(CLASSES), j=2.0).sum().backward()
    share = np.exp(-penalties) / (np.exp(-2.0) + np.exp(-penalties).sum(1, keepdims=True))
    assert y.grad is not None
    np.testing.assert_allclose(y.grad.numpy(), ONE_HOT - share, atol=1e-14)


def test_lecun_map_loss_survives_large_penalties_and_stays_positive() -> None:
    penalties = np.array([[3e4, 2e4, 1e4], [0.0, 1e4, 1e4]])
    losses = lecun_map_loss(double(penalties), torch.tensor([0, 0]), j=2e4)
    expected = penalties[:, 0] + logsumexp(np.concatenate([-penalties, [[-2e4], [-2e4]]], axis=1), axis=1)
    np.testing.assert_allclose(losses.numpy(), expected)
    assert losses[0].item() == pytest.approx(2e4)


@settings(max_examples=50, deadline=None)
@given(
    penalties=st.lists(st.floats(0, 300), min_size=2, max_size=5),
    j=st.floats(0.01, 10),
)
def test_lecun_map_loss_is_positive_and_falls_to_cross_entropy_without_garbage(
    penalties: list[float], j: float
) -> None:
    y = double(np.array([penalties]))
    target = torch.tensor([0])
    loss = lecun_map_loss(y, target, j=j)
    assert loss.item() > 0
    # With j to infinity the garbage class vanishes and the loss is the cross-entropy of the negative penalties.
    torch.testing.assert_close(lecun_map_loss(y, target, j=1e6), cross_entropy(-y, target))
    assert loss.item() >= cross_entropy(-y, target).item()


def test_gradients_agree_with_finite_differences() -> None:
    logits = double(LOGITS, grad=True)
    classes = torch.tensor(CLASSES)
    assert gradcheck(lambda x: cross_entropy(x, classes, label_smoothing=0.1), logits)
    assert gradcheck(lambda x: binary_cross_entropy_with_logits(x, double(ONE_HOT)), logits)
    assert gradcheck(lambda x: perceptron_criterion(x, 2 * double(ONE_HOT) - 1), logits)
    assert gradcheck(lambda x: lecun_map_loss(x.square(), classes, j=1.0), logits)


@pytest.mark.parametrize("loss", [binary_cross_entropy_with_logits, perceptron_criterion])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:
    with pytest.raises(ValueError, match=r"one shape, received \(3,\) and \(3, 1\)"):
        loss(torch.zeros(3), torch.ones(3, 1))


@pytest.mark.parametrize("j", [0.0, -1.0, float("nan")])
def test_garbage_penalty_must_be_positive(j: float) -> None:
    with pytest.raises(ValueError, match="expects j > 0"):
        lecun_map_loss(torch.zeros(1, 2), torch.tensor([0]), j=j)
