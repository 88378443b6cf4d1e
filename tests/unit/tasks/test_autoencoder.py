"""The task of autoencoders: its losses by hand, what corruption and penalties see, and what it gives back."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from neurarium.losses.classification import binary_cross_entropy_with_logits
from neurarium.losses.code_penalties import jacobian_norm
from neurarium.networks.autoencoder import DenseAutoencoder
from neurarium.networks.conv_autoencoder import ConvAutoencoder
from neurarium.nn.corruption import AdditiveNoise, MaskingNoise, Watermark
from neurarium.nn.inputs import GreyInput, ImageInput, VectorInput
from neurarium.tasks import code_penalties
from neurarium.tasks.autoencoder import Autoencoder
from neurarium.tasks.code_penalties import Contractive, KLSparsity, L1Activity, single_sigmoid_layer
from neurarium.train.batches import Labelled
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean

X = torch.randint(0, 256, (6, 1, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
BATCH = Labelled(X, torch.arange(6) % 2)
UNIT = X.float() / 255


def autoencoder(code_size: int = 3, **settings: Any) -> Autoencoder:
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=(1, 5, 4), hidden=(), code_size=code_size, code_activation=nn.Sigmoid)
    return Autoencoder(
        encoder=network.encoder,
        decoder=network.decoder,
        inputs=ImageInput(channels=1, size=(5, 4), mean=[0.0], std=[1.0]),
        descent=Descent(optimizer=partial(SGD, lr=0.1)),
        **settings,
    )


def by_hand(task: Autoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes and what the decoder gives, from the bare weights."""
    W, b, V, c = (p.detach() for p in task.parameters())
    h = torch.sigmoid(x.flatten(1) @ W.T + b)
    return h, (h @ V.T + c).view(x.shape)


def value(mean: Mean) -> float:
    return float(mean.value.detach())


@pytest.mark.catalogue("autoencoder", "sparse-autoencoder")
def test_loss_is_the_squared_difference_and_the_penalty_stands_beside_it() -> None:
    task = autoencoder(penalty=L1Activity(0.3))
    means = task.loss(BATCH)
    h, out = by_hand(task, UNIT)
    assert value(means["loss"]) == pytest.approx(float((out - UNIT).square().sum() / 6), rel=1e-5)
    assert value(means["penalty"]) == pytest.approx(0.3 * float(h.abs().sum()) / 6, rel=1e-5)
    assert means["loss"].count == means["penalty"].count == 6
    error = means["reconstruction_error"]
    assert value(error) == pytest.approx(float((out - UNIT).square().mean()), rel=1e-5)
    assert value(means["active_units"]) == pytest.approx(float((h > 0.1).float().mean()))
    learned = {name for name, mean in means.items() if mean.total.requires_grad}
    assert learned == {"loss", "penalty"}
    assert "penalty" not in task.eval().loss(BATCH)


def test_bernoulli_takes_logits_and_gives_probabilities() -> None:
    task = autoencoder(criterion=binary_cross_entropy_with_logits, output=nn.Sigmoid())
    _, logits = by_hand(task, UNIT)
    p = logits.sigmoid()
    expected = -(UNIT * p.log() + (1 - UNIT) * (1 - p).log()).sum() / 6
    assert value(task.loss(BATCH)["loss"]) == pytest.approx(float(expected), rel=1e-4)
    torch.testing.assert_close(task.reconstruct(X), p)
    errors = (p - UNIT).square().mean((1, 2, 3))
    torch.testing.assert_close(task.reconstruction_errors(X), errors)


class Seen(nn.Module):
    """An encoder that keeps what it was shown."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.shown: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.shown.append(x.detach())
        code: Tensor = self.encoder(x)
        return code


@pytest.mark.catalogue("denoising-autoencoder")
def test_corruption_only_in_training_and_the_target_stays_clean() -> None:
    task = autoencoder(corrupt=MaskingNoise(0.5))
    task.encoder = Seen(task.encoder)
    torch.manual_seed(7)
    means = task.loss(BATCH)
    torch.manual_seed(7)
    spoiled = MaskingNoise(0.5)(UNIT)
    (shown,) = task.encoder.shown
    assert torch.equal(shown, spoiled)
    _, out = by_hand(task, spoiled)
    assert value(means["loss"]) == pytest.approx(float((out - UNIT).square().sum() / 6), rel=1e-5)
    task.eval()
    assert value(task.loss(BATCH)["loss"]) == pytest.approx(
        float((by_hand(task, UNIT)[1] - UNIT).square().sum() / 6), rel=1e-5
    )
    task.encoder.shown.clear()
    task.encode(X), task.reconstruct(X), task.reconstruction_errors(X)
    assert all(torch.equal(shown, UNIT) for shown in task.encoder.shown)


def test_restored_and_spoiled_errors_are_of_the_changed_values() -> None:
    task = autoencoder(corrupt=Watermark(width=1.0, opacity=0.5)).eval()
    task.encoder = Seen(task.encoder)
    means = task.loss(BATCH)
    clean, spoiled = task.encoder.shown
    assert torch.equal(clean, UNIT)
    changed = spoiled != UNIT
    _, out = by_hand(task, spoiled)
    assert 0 < int(changed.sum()) < UNIT.numel()
    assert value(means["restored_error"]) == pytest.approx(float((out - UNIT)[changed].square().mean()), rel=1e-5)
    assert value(means["spoiled_error"]) == pytest.approx(float((spoiled - UNIT)[changed].square().mean()), rel=1e-5)


def test_in_evaluations_an_item_is_spoiled_by_draws_of_its_own() -> None:
    task = autoencoder(corrupt=AdditiveNoise(0.3)).eval()
    task.encoder = Seen(task.encoder)
    state = torch.get_rng_state()
    task.loss(BATCH), task.loss(Labelled(X[4:5], BATCH.y[4:5]))
    assert torch.equal(state, torch.get_rng_state())
    whole, alone = task.encoder.shown[1], task.encoder.shown[3]
    assert torch.equal(whole[4:5], alone)
    noise = (whole - UNIT).flatten(1)
    assert torch.corrcoef(noise).triu(1).abs().max() < 0.9  # and no two get the same


def test_kl_penalty_is_charged_on_the_mean_over_the_batch() -> None:
    task = autoencoder(penalty=KLSparsity(2.0, 0.05))
    h, _ = by_hand(task, UNIT)
    mean = h.mean(0)
    expected = 2 * (0.05 * (0.05 / mean).log() + 0.95 * (0.95 / (1 - mean)).log()).sum()
    assert value(task.loss(BATCH)["penalty"]) == pytest.approx(float(expected), rel=1e-5)


def test_contractive_takes_the_closed_form_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    task = autoencoder(penalty=Contractive(0.5))
    expected = 0.5 * jacobian_norm(task.encoder, UNIT).mean().detach()
    monkeypatch.setattr(code_penalties, "jacobian_norm", lambda *_: pytest.fail("there is a closed form"))
    assert value(task.loss(BATCH)["penalty"]) == pytest.approx(float(expected), rel=1e-5)
    monkeypatch.undo()
    deep = DenseAutoencoder(shape=(4,), hidden=(5,), code_size=2, activation=nn.Sigmoid, code_activation=nn.Sigmoid)
    assert single_sigmoid_layer(task.encoder) is task.encoder[1][0]
    assert single_sigmoid_layer(deep.encoder) is None
    assert single_sigmoid_layer(DenseAutoencoder(shape=(4,), hidden=(), code_size=2).encoder) is None
    x = torch.rand(3, 4)
    charge = Contractive(0.5)(deep.encoder, x, deep.encode(x))
    assert float(charge.detach()) == pytest.approx(
        0.5 * float(jacobian_norm(deep.encoder, x).mean().detach()), rel=1e-5
    )
    charge.backward()
    assert deep.encoder[1][0].weight.grad is not None


@pytest.mark.catalogue("autoencoder")
def test_what_is_given_back() -> None:
    task = autoencoder().eval()
    h, out = by_hand(task, UNIT)
    torch.testing.assert_close(task.encode(X), h)
    torch.testing.assert_close(task.encode(X.numpy()), h)
    assert torch.equal(task.encode(UNIT), task.encode(X))
    torch.testing.assert_close(task.decode(h.numpy()), out.clamp(0, 1))
    torch.testing.assert_close(task.reconstruct(X), out.clamp(0, 1))
    assert task.decode(torch.full((2, 3), 1e4)).max() <= 1
    module, args = task.deployed(BATCH)
    torch.testing.assert_close(module(*args), out)
    networks = task.networks(BATCH)
    assert [len(network(*given)) for network, given in networks.values()] == [6, 6]


def test_tables_come_back_in_their_own_units() -> None:
    torch.manual_seed(0)
    rows = torch.tensor([[100.0, 0.1], [300.0, 0.3]])
    network = DenseAutoencoder(shape=(2,), hidden=(), code_size=2)
    inputs = VectorInput(mean=[200.0, 0.2], std=[100.0, 0.1])
    task = Autoencoder(
        encoder=network.encoder,
        decoder=network.decoder,
        inputs=inputs,
        descent=Descent(optimizer=partial(SGD, lr=0.1)),
    )
    with torch.no_grad():  # an identity by way of a turned code
        turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
        for way, weight in ((task.encoder, turn), (task.decoder, turn.T)):
            layer = next(m for m in way.modules() if isinstance(m, nn.Linear))
            layer.weight.copy_(weight)
            layer.bias.zero_()
    torch.testing.assert_close(task.reconstruct(rows), rows)
    figures = task.pictures([Labelled(rows, torch.tensor([0, 1]))])
    assert sorted(figures) == ["reconstructions"]  # without names of classes no map of the codes


@pytest.mark.catalogue("colorization-autoencoder")
def test_grey_goes_in_and_colour_is_the_target() -> None:
    torch.manual_seed(0)
    colour = torch.randint(0, 256, (3, 3, 6, 7), dtype=torch.uint8)
    images = ImageInput(channels=3, size=(6, 7), mean=[0.0] * 3, std=[1.0] * 3)
    network = ConvAutoencoder(size=(6, 7), in_channels=1, out_channels=3, channels=(4,), code_size=0)
    task = Autoencoder(
        encoder=Seen(network.encoder),
        decoder=network.decoder,
        inputs=GreyInput(images),
        targets=images,
        descent=Descent(optimizer=partial(SGD, lr=0.1)),
    ).eval()
    means = task.loss(Labelled(colour, torch.zeros(3)))
    red, green, blue = (colour[:, channel].double() / 255 for channel in range(3))
    grey = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None].float()
    torch.testing.assert_close(task.encoder.shown[0], grey)
    with torch.no_grad():
        expected = (network(grey) - colour.float() / 255).square().sum() / 3
    assert value(means["loss"]) == pytest.approx(float(expected), rel=1e-5)
    assert task.reconstruct(colour).shape == (3, 3, 6, 7)
    # A grey image is what it is: nobody needs colours to have them made.
    torch.testing.assert_close(task.reconstruct(grey), task.reconstruct(colour), atol=1e-5, rtol=0)


@pytest.mark.catalogue("reconstruction-gallery", "autoencoder-dimensionality-reduction")
def test_pictures_show_pairs_triples_and_the_map_of_the_codes() -> None:
    figures = autoencoder(code_size=2, classes=("even", "odd")).eval().pictures([BATCH])
    assert sorted(figures) == ["codes", "reconstructions"]

    def rows(figure: Any) -> list[str]:
        return [text.get_text() for text in figure.axes[0].texts]

    assert rows(figures["reconstructions"]) == ["input", "output"]
    task = autoencoder(corrupt=MaskingNoise(0.5)).eval()
    figure = task.pictures([BATCH])["reconstructions"]
    assert rows(figure) == ["input", "output", "target"]
    (given,) = figure.findobj(lambda artist: artist.get_gid() == "input-0")
    (target,) = figure.findobj(lambda artist: artist.get_gid() == "target-0")
    np.testing.assert_allclose(target.get_array()[..., 0], UNIT[0, 0], atol=1e-6)
    assert (given.get_array()[..., 0] != UNIT[0, 0].numpy()).sum() == 10  # half of its 20 pixels
