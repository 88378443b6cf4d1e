"""What the long experiments count, on cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.recipes.asked_for import modes, paired_share
from tests.recipes.games import Operations, rounds


def test_clusters_are_paired_with_classes_one_to_one() -> None:
    true = np.array([0, 0, 0, 1, 1, 2])
    assert paired_share(np.array([2, 2, 2, 0, 0, 1]), true) == 1.0  # other names for the same groups
    assert paired_share(np.zeros(6, dtype=int), true) == pytest.approx(3 / 6)  # one cluster stands for one class
    assert paired_share(np.array([0, 0, 1, 1, 1, 1]), true) == pytest.approx(4 / 6)


def test_operations_are_those_of_products_forward_and_backward() -> None:
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    with Operations() as forward:
        product = a @ b
    assert forward.count == 2 * 3 * 4 * 5
    with Operations() as backward:
        product.sum().backward()
    assert backward.count == 2 * forward.count  # one product for the gradient of each factor


def test_the_same_compute_buys_fewer_rounds_with_five_critic_updates() -> None:
    plain, critic, penalised = (
        rounds(arm, "digits", 1e10) for arm in ("non-saturating", "Wasserstein, clipped", "Wasserstein, penalty")
    )
    assert plain > 2.5 * critic
    assert critic > 1.3 * penalised  # the penalty differentiates the critic twice


def test_modes_are_those_that_the_judge_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    class Judge:
        """Reads an image of constant brightness d / 9 as the digit d."""

        def load(self) -> Judge:
            return self

        def predict(self, images: torch.Tensor) -> torch.Tensor:
            return (9 * images.mean((1, 2, 3))).round().long()

    monkeypatch.setattr("tests.recipes.asked_for.api.open_run", lambda run: Judge())
    digits = torch.cartesian_prod(*[torch.arange(10.0)] * 3) / 9
    stacks = digits[:, :, None, None].expand(-1, -1, 2, 2)
    assert modes(lambda seed: stacks, "judge") == {"modes": 1000.0, "divergence": pytest.approx(0.0, abs=1e-9)}
    assert modes(lambda seed: stacks[:10], "judge")["modes"] == 10.0
