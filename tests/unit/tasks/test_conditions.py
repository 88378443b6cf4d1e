"""What players are told and must say, against probabilities that are known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal, kl_divergence
from torch.nn import functional as F

from neurarium.tasks.conditions import ClassPrediction, CodePrediction, Codes, Label
from neurarium.tasks.sampling import asked, evenly

CPU = torch.device("cpu")


@pytest.mark.catalogue("conditional-gan")
def test_a_label_is_one_hot_of_length_ten() -> None:
    c = Label(10).draw(3, torch.tensor([0, 9, 4]), CPU)
    assert c.tolist() == [[float(column == label) for column in range(10)] for label in (0, 9, 4)]
    drawn = Label(10).draw(5000, None, CPU, torch.Generator().manual_seed(0)).sum(0)
    assert drawn.min() > 400  # five deviations below 500
    assert drawn.max() < 600


def test_codes_are_a_category_and_numbers_from_minus_one_to_one() -> None:
    codes = Codes(3, 2)
    c = codes.draw(4000, None, CPU, torch.Generator().manual_seed(0))
    assert c.shape == (4000, codes.size) == (4000, 5)
    assert c[:, :3].sum(1).eq(1).all()
    assert c[:, :3].mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    numbers = c[:, 3:]
    assert numbers.abs().max() <= 1
    assert numbers.mean(0).tolist() == pytest.approx([0, 0], abs=0.05)
    assert numbers.var(0).tolist() == pytest.approx([1 / 3, 1 / 3], abs=0.02)
    asked_for = codes.draw(3, torch.tensor([2, 0, 1]), CPU)
    assert asked_for[:, :3].argmax(1).tolist() == [2, 0, 1]


def scores(items: int, size: int) -> Tensor:
    return torch.randn(items, size, generator=torch.Generator().manual_seed(size))


@pytest.mark.catalogue("ac-gan")
def test_class_losses_are_log_likelihoods() -> None:
    """L_C = E log P(C = c | real) + E log P(C = c | fake), of which G gains the second part; Odena et al. 2016, 3."""
    real, fake, labels = scores(6, 4), scores(6, 4).flip(0), torch.tensor([0, 1, 2, 3, 1, 1])
    c = F.one_hot(labels.flip(0), 4).float()
    parts = ClassPrediction(4).discriminator(real, fake, labels, c)
    assert parts.keys() == {"real_class", "fake_class"}
    for i in range(6):
        assert float(parts["real_class"][i]) == pytest.approx(-math.log(real[i].softmax(0)[labels[i]]), rel=1e-5)
        assert float(parts["fake_class"][i]) == pytest.approx(-math.log(fake[i].softmax(0)[labels[5 - i]]), rel=1e-5)
    torch.testing.assert_close(ClassPrediction(4).generator(fake, c)["fake_class"], parts["fake_class"])


@pytest.mark.catalogue("label-supervised-gan")
def test_labels_of_real_images_alone() -> None:
    real, labels = scores(6, 4), torch.tensor([0, 1, 2, 3, 1, 1])
    teach = ClassPrediction(4, fakes=False)
    assert teach.discriminator(real, real, labels, real).keys() == {"real_class"}
    assert teach.generator(real, real) == {}


@pytest.mark.catalogue("infogan")
def test_code_losses_are_minus_log_q_but_for_a_constant() -> None:
    codes = Codes(3, 2)
    c = codes.draw(5, None, CPU, torch.Generator().manual_seed(1))
    given = scores(5, 5)
    parts = CodePrediction(codes, weight=0.7).generator(given, c)
    category = Categorical(logits=given[:, :3]).log_prob(c[:, :3].argmax(1))
    numbers = Independent(Normal(given[:, 3:], 1.0), 1).log_prob(c[:, 3:]) + math.log(2 * math.pi)
    torch.testing.assert_close(parts["category"], -0.7 * category)
    torch.testing.assert_close(parts["numbers"], -0.7 * numbers)


@pytest.mark.catalogue("infogan")
def test_what_is_maximised_bounds_the_mutual_information_from_below() -> None:
    """I(c; x) - L_I = E KL(P(c | x) || Q(c | x)) >= 0, over a channel from three codes to four images."""
    random = torch.Generator().manual_seed(0)
    joint: Any = torch.rand(3, 4, generator=random, dtype=torch.float64)
    joint = joint / joint.sum(1, keepdim=True) / 3  # c is even
    image = joint.sum(0)
    information = float((joint * (joint / (joint.sum(1, keepdim=True) * image)).log()).sum())
    prediction = CodePrediction(Codes(3, 0))

    def bound(q: Tensor) -> float:
        """L_I = E log Q(c | x) + H(c), with the log-likelihoods that the loss takes; q (4, 3)."""
        total = 0.0
        for code in range(3):
            for x in range(4):
                c = F.one_hot(torch.tensor([code]), 3).double()
                total -= float(joint[code, x]) * float(prediction.generator(q[x : x + 1].log(), c)["category"])
        return total + math.log(3)

    posterior = (joint / image).T
    assert bound(posterior) == pytest.approx(information, abs=1e-9)
    for _ in range(5):
        q = torch.rand(4, 3, generator=random, dtype=torch.float64).softmax(1)
        gap = (image * kl_divergence(Categorical(posterior), Categorical(q))).sum()
        assert bound(q) == pytest.approx(information - float(gap), abs=1e-9)
        assert bound(q) < information
    assert bound(torch.full((4, 3), 1 / 3, dtype=torch.float64)) == pytest.approx(0, abs=1e-9)


def test_classes_that_are_asked_for_must_exist() -> None:
    assert asked([1, 2], 2, Label(3), CPU).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"no classes to choose from"):
        asked([1], 1, None, CPU)
    with pytest.raises(ValueError, match=r"Expected 3 labels, one a sample; received shape \(2,\)"):
        asked([1, 2], 3, Label(3), CPU)
    with pytest.raises(ValueError, match=r"numbered 0 to 2; received 1 to 3"):
        asked([1, 3], 2, Label(3), CPU)
    with pytest.raises(ValueError, match=r"numbered 0 to 2; received -1 to 2"):
        asked([-1, 2], 2, Codes(3, 2), CPU)


@pytest.mark.parametrize("num", [1, 7, 10, 23, 4001])
def test_judged_items_are_spread_over_all(num: int) -> None:
    found = evenly(torch.arange(num), 10)
    assert len(found) == min(num, 10)
    gaps = found.diff()
    assert found[0] == 0
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
