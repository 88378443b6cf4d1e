"""Discrete codes: nearest entries, gradients straight through, and a bound that is one."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurarium.networks.vq_vae import Codebook, CodePrior, QuantisedDecoder, QuantisedEncoder
from neurarium.nn.inputs import ImageInput
from neurarium.tasks.pixels import BernoulliPixels
from neurarium.tasks.vq_vae import VectorQuantisedVAE, perplexity
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper

K, D = 3, 2


class Batch(NamedTuple):
    x: Tensor


def small() -> VectorQuantisedVAE:
    """Images (1, 3, 2) by way of a grid of 2 x 1 codes."""
    torch.manual_seed(0)
    sizes = {"size": (3, 2), "channels": (4,), "code_size": D}
    adam = Descent(optimizer=torch.optim.Adam)
    task = VectorQuantisedVAE(
        encoder=QuantisedEncoder(**sizes),
        codebook=Codebook(num_codes=K, code_size=D),
        decoder=QuantisedDecoder(**sizes),
        prior=CodePrior(num_codes=K, hidden_size=5),
        inputs=ImageInput(channels=1, size=(3, 2), mean=[0.0], std=[1.0]),
        pixels=BernoulliPixels(),
        grid=(2, 1),
        descents={"model": adam, "prior": adam},
    )
    return task


def images(count: int = 40) -> Tensor:
    return torch.randint(0, 2, (count, 1, 3, 2), generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.catalogue("vq-vae")
def test_codes_are_the_nearest_entries() -> None:
    torch.manual_seed(0)
    book, encoded = Codebook(num_codes=7, code_size=4), torch.randn(5, 4, 3, 2)
    nn.init.normal_(book.entries)
    codes = book.codes(encoded)
    for b, h, w in itertools.product(range(5), range(3), range(2)):
        distances = [float((encoded[b, :, h, w] - entry).square().sum()) for entry in book.entries.detach()]
        assert int(codes[b, h, w]) == min(range(7), key=distances.__getitem__)
        assert torch.equal(book.look_up(codes)[b, :, h, w], book.entries[codes[b, h, w]])


@pytest.mark.catalogue("vq-vae")
def test_the_gradient_goes_straight_through() -> None:
    torch.manual_seed(0)
    book, encoded = Codebook(num_codes=7, code_size=4), torch.randn(5, 4, 3, 2, requires_grad=True)
    given, weights = book(encoded), torch.randn(5, 4, 3, 2)
    torch.testing.assert_close(given, book.look_up(book.codes(encoded)))
    (given * weights).sum().backward()
    assert torch.equal(encoded.grad, weights)  # as if nothing had been in between,
    assert book.entries.grad is None  # and nothing of it for the codebook


@pytest.mark.catalogue("vq-vae")
def test_loss_is_the_reconstruction_and_both_pulls_with_a_quarter_of_commitment() -> None:
    task, x = small(), images()
    encoded = task.encoder(x)
    chosen = task.codebook.look_up(task.codebook.codes(encoded))
    apart = (encoded - chosen).square().sum((1, 2, 3))
    means = task.loss(Batch(x))
    value = {name: float(mean.detach().value) for name, mean in means.items()}
    likelihood = nn.functional.binary_cross_entropy_with_logits(task.decoder(chosen), x, reduction="sum") / len(x)
    assert value["reconstruction"] == pytest.approx(float(likelihood.detach()), rel=1e-5)
    assert value["quantisation"] == pytest.approx(float(apart.mean().detach()), rel=1e-5)
    assert value["loss"] == pytest.approx(value["reconstruction"] + 1.25 * value["quantisation"], rel=1e-5)
    # Entries move towards what chose them: 2 (e - z_e), and nothing else moves them.
    (gradient,) = torch.autograd.grad(means["loss"].total, task.codebook.entries)
    codes, expected = task.codebook.codes(encoded), torch.zeros(K, D)
    for b, h, w in itertools.product(range(len(x)), range(2), range(1)):
        k = codes[b, h, w]
        expected[k] += (2 * (task.codebook.entries[k] - encoded[b, :, h, w])).detach()
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_the_prior_sums_to_one_and_sees_the_past_alone() -> None:
    torch.manual_seed(0)
    task = small().eval()
    grids = torch.tensor(list(itertools.product(range(K), repeat=4)))
    assert float(torch.exp(-task._code_nll(grids)).sum().detach()) == pytest.approx(1, abs=1e-5)
    before, later = task.prior(grids[:1]), grids[:1].clone()
    later[0, 2] = 2
    after = task.prior(later)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])
    drawn = task.prior.sample(20_000, 2, torch.Generator().manual_seed(0))
    pairs = torch.tensor(list(itertools.product(range(K), repeat=2)))
    shares = torch.bincount(drawn @ torch.tensor([K, 1]), minlength=K * K) / len(drawn)
    torch.testing.assert_close(shares, torch.exp(-task._code_nll(pairs)).detach(), atol=0.012, rtol=0)


@pytest.mark.catalogue("vq-vae")
def test_the_bound_is_below_the_likelihood_over_all_codes() -> None:
    task, x = small().eval(), images()
    codes = torch.tensor(list(itertools.product(range(K), repeat=2))).view(-1, 2, 1)
    with torch.no_grad():
        given = task.decoder(task.codebook.look_up(codes))
        joint = torch.stack([-task.pixels.nll(given, image.expand(len(codes), 1, 3, 2)) for image in x])
        joint = joint - task._code_nll(codes)
        likelihood = torch.logsumexp(joint, 1)
        found = task.evaluate([Batch(x[:13]), Batch(x[13:])])
    own = [int(code[0] * K + code[1]) for code in task.encode(x)]
    assert found["negative_elbo"] == pytest.approx(-float(joint[range(len(x)), own].mean()), rel=1e-5)
    assert found["negative_elbo"] > -float(likelihood.mean())
    assert found["negative_elbo"] == pytest.approx(found["reconstruction"] + found["code_nll"], rel=1e-6)
    shares = torch.bincount(task.encode(x).flatten(), minlength=K) / (2 * len(x))
    assert found["perplexity"] == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares.tolist() if p)), rel=1e-5)


def test_the_prior_learns_codes_and_moves_nothing_else() -> None:
    task, x = small(), images(400)

    def make(modules, descent):
        return Stepper(task, modules, descent)

    steppers = task.steppers(make)
    model = [*steppers["model"].parameters]
    before = [parameter.detach().clone() for parameter in model]
    steppers["prior"].rates = [0.03]
    task.encoder.eval()  # batch statistics stay
    for _ in range(150):
        steppers["prior"].update(task.prior_loss, Batch(x))
    assert all(torch.equal(one, other) for one, other in zip(before, model, strict=True))
    codes = task.encode(x)
    counts = torch.bincount(codes @ torch.tensor([K, 1]), minlength=K * K) / len(x)
    entropy = float(torch.special.entr(counts).sum())  # of pairs of codes: no prior can do better
    nll = float(task.prior_loss(Batch(x))["code_nll"].detach().value)
    assert entropy - 1e-6 <= nll < entropy + 0.02


def test_perplexity_counts_codes_in_use() -> None:
    assert float(perplexity(torch.tensor([5, 5, 5, 0]))) == pytest.approx(3)
    assert float(perplexity(torch.tensor([0, 9, 0, 0]))) == pytest.approx(1)


def test_methods_give_and_take_what_people_have() -> None:
    task = small().eval()
    x = (255 * images(5)).byte().numpy()
    codes = task.encode(x)
    assert codes.shape == (5, 2)
    assert codes.dtype == torch.int64
    assert torch.equal(task.reconstruct(x), task.decode(codes.numpy()))
    sample = task.sample(4, seed=3)
    assert sample.shape == (4, 1, 3, 2)
    assert 0 <= float(sample.min()) <= float(sample.max()) <= 1
    assert torch.equal(sample, task.sample(4, seed=3))
    assert not torch.equal(sample, task.sample(4, seed=4))
    with pytest.raises(ValueError, match=r"knows no classes"):
        task.sample(2, labels=torch.zeros(2))


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (28, 28), (1, 9)])
def test_any_size_of_image(size: tuple[int, int]) -> None:
    sizes = {"size": size, "in_channels": 3, "channels": (4, 6), "code_size": 5}
    x = torch.randn(2, 3, *size)
    z = QuantisedEncoder(**sizes)(x)
    assert z.shape == (2, 5, -(-size[0] // 4), -(-size[1] // 4))
    assert QuantisedDecoder(**sizes)(z).shape == x.shape
