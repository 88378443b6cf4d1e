"""Layers that see the batch, against loops over its pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from neurarium.nn.minibatch_discrimination import MinibatchDeviation, MinibatchDiscrimination
from neurarium.nn.summary import summarise


def layer() -> MinibatchDiscrimination:
    torch.manual_seed(0)
    return MinibatchDiscrimination(6, num_kernels=3, kernel_size=2)


@pytest.mark.catalogue("minibatch-discrimination")
def test_features_are_those_of_a_loop_over_pairs() -> None:
    ours, x = layer(), torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    found = ours(x)
    assert found.shape == (5, 9)
    assert torch.equal(found[:, :6], x)
    t, f = ours.weight.detach().double().numpy(), x.double().numpy()
    for i in range(5):
        for b in range(3):
            total = 0.0
            for j in range(5):
                total += math.exp(-sum(abs(f[i] @ t[:, b, c] - f[j] @ t[:, b, c]) for c in range(2)))
            assert found[i, 6 + b].item() == pytest.approx(total, rel=1e-5)


@pytest.mark.catalogue("minibatch-discrimination")
def test_diverse_and_collapsed_batches_look_different() -> None:
    """Also by the other statistic of pairs that is taught, their Euclidean distances."""
    ours, draw = layer(), torch.Generator().manual_seed(1)
    diverse, point = 20 * torch.randn(8, 6, generator=draw), torch.randn(1, 6, generator=draw)
    collapsed = point.expand(8, 6)
    torch.testing.assert_close(ours(collapsed)[:, 6:], torch.full((8, 3), 8.0))
    torch.testing.assert_close(ours(diverse)[:, 6:], torch.ones(8, 3), rtol=0, atol=0.2)
    assert ours(point)[0, 6:].tolist() == [1.0, 1.0, 1.0]
    assert torch.cdist(collapsed, collapsed).max() == 0
    assert torch.cdist(diverse, diverse).sum() > 100


def test_the_order_of_the_others_does_not_matter() -> None:
    ours, x = layer(), torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    torch.testing.assert_close(ours(x[order]), ours(x)[order])


def test_evaluation_counts_as_in_a_batch_of_training() -> None:
    ours = layer()
    ours(torch.randn(10, 6))
    ours.eval()
    same = torch.ones(4, 6)
    torch.testing.assert_close(ours(same)[:, 6:], torch.full((4, 3), 10.0))
    assert ours.state_dict()["size"] == 10
    fresh = layer().eval()
    torch.testing.assert_close(fresh(same)[:, 6:], torch.full((4, 3), 4.0))


def test_distances_are_not_taken_in_half_precision() -> None:
    ours, x = layer(), torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    exact = ours(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(x), exact, rtol=0.03, atol=0.03)
    low = ours.bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 5)])
def test_deviation_is_the_mean_over_places_of_that_over_the_batch(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    found = MinibatchDeviation()(x)
    assert found.shape == (6, 4, *shape[2:])
    assert torch.equal(found[:, :3], x)
    np.testing.assert_allclose(found[:, 3:].numpy(), np.std(x.numpy(), axis=0).mean(), rtol=1e-5)
    alike = MinibatchDeviation()(x[:1].expand(shape).clone().requires_grad_())
    assert alike[:, 3:].max().item() == pytest.approx(1e-4, rel=1e-3)
    alike.sum().backward()  # finite where the batch is all one item


def test_layers_say_that_they_see_the_batch_and_their_work_is_counted() -> None:
    assert layer().sees_batch
    assert MinibatchDeviation().sees_batch
    total = summarise(nn.Sequential(layer(), nn.Linear(9, 1)), torch.zeros(2, 6))[-1]
    assert total.parameters == 6 * 3 * 2 + 10
    assert total.multiply_adds == 6 * 3 * 2 + 9
