"""Ways between codes and sums of them, on images that a DCGAN learned in seconds: a box, left or right, with or without
a bar above it, as faces of two kinds with or without glasses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from neurarium.plots.generated import arithmetic_picture, interpolation_strip
from neurarium.tasks.latents import exemplars, latent_arithmetic
from neurarium.uses.generation import spherical, straight

LATENT = 10
BARE_LEFT, BARE_RIGHT, BAR_LEFT, BAR_RIGHT = range(4)


def draw(count: int) -> Tensor:
    """(N, 1, 8, 8): the box two pixels high or three, at two heights, in shades of grey."""
    random = torch.Generator().manual_seed(0)
    right, bar, low = torch.randint(2, (3, count), generator=random)
    shade = 0.7 + 0.3 * torch.rand(count, generator=random)
    x = torch.zeros(count, 1, 8, 8)
    for i in range(count):
        x[i, 0, 4 + low[i] : 7 + low[i], 5 * right[i] : 5 * right[i] + 3] = shade[i]
        x[i, 0, 1:3, 1:7] = bar[i].float()
    return x


def kind(images: Tensor) -> Tensor:
    """0 to 3, or -1 for an image that is none of the four."""
    bar = images[:, 0, 1:3, 1:7].mean((1, 2))
    left, right = images[:, 0, 4:, :3].mean((1, 2)), images[:, 0, 4:, 5:].mean((1, 2))
    clear = ((bar > 0.8) | (bar < 0.2)) & ((left - right).abs() > 0.3) & (torch.minimum(left, right) < 0.15)
    return torch.where(clear, 2 * (bar > 0.5) + (right > left), -1)


def wanted(number: int) -> Callable[[Tensor], Tensor]:
    return lambda images: kind(images) == number


@pytest.fixture(scope="module")
def decode() -> Callable[[Tensor], Tensor]:
    """A trained generator, from codes to images in 0..1."""
    torch.manual_seed(0)
    generator = DCGANGenerator(size=8, channels=1, width=16, latent_size=LATENT)
    discriminator = DCGANDiscriminator(size=8, channels=1, width=16)
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.5, 0.999))
    steps = adam(generator.parameters()), adam(discriminator.parameters())
    data = 2 * draw(2000) - 1
    assert kind(draw(100)).min() >= 0
    for _ in range(500):
        x = data[torch.randint(len(data), (64,))]
        fake = generator(torch.randn(64, LATENT)).detach()
        loss = (F.softplus(-discriminator(x)) + F.softplus(discriminator(fake))).mean()
        steps[1].zero_grad()
        loss.backward()
        steps[1].step()
        loss = F.softplus(-discriminator(generator(torch.randn(64, LATENT)))).mean()
        steps[0].zero_grad()
        loss.backward()
        steps[0].step()
    generator.eval()

    def made(z: Tensor) -> Tensor:
        with torch.no_grad():
            return (generator(z) + 1) / 2

    return made


def test_exemplars_are_the_first_codes_that_make_what_is_wanted(decode: Callable[[Tensor], Tensor]) -> None:
    codes = exemplars(decode, wanted(BAR_LEFT), 7, latent_size=LATENT, seed=3)
    assert codes.shape == (7, LATENT)
    assert kind(decode(codes)).tolist() == [BAR_LEFT] * 7
    random = torch.Generator().manual_seed(3)
    z = torch.cat([torch.randn(500, LATENT, generator=random) for _ in range(3)])
    torch.testing.assert_close(codes, z[kind(decode(z)) == BAR_LEFT][:7])
    with pytest.raises(ValueError, match=r"Of 1,000 codes 0 make what is wanted, and 1 are needed"):
        exemplars(decode, lambda x: torch.zeros(len(x)).bool(), 1, latent_size=LATENT, draws=1000)


def test_sum_of_mean_codes() -> None:
    random = torch.Generator().manual_seed(0)
    first, minus, plus = (torch.randn(n, 4, generator=random) for n in (3, 2, 5))
    expected = [float(first[:, d].sum() / 3 - minus[:, d].sum() / 2 + plus[:, d].sum() / 5) for d in range(4)]
    assert latent_arithmetic(first, minus, plus).tolist() == pytest.approx(expected)


@pytest.mark.catalogue("latent-vector-arithmetic", "arithmetic-picture")
def test_with_minus_without_plus_without_of_the_other_kind(decode: Callable[[Tensor], Tensor]) -> None:
    """Left with a bar - left without + right without = right with a bar: often from single codes, surely from means."""
    trials = 60

    def share(count: int) -> float:
        terms = [
            exemplars(decode, wanted(number), trials * count, latent_size=LATENT).unflatten(0, (trials, count))
            for number in (BAR_LEFT, BARE_LEFT, BARE_RIGHT)
        ]
        sums = torch.stack([latent_arithmetic(*codes) for codes in zip(*terms, strict=True)])
        return float((kind(decode(sums)) == BAR_RIGHT).float().mean())

    single, three, ten = share(1), share(3), share(10)
    assert single < three < ten
    assert single < 0.7
    assert ten > 0.9

    names = {"left with a bar": BAR_LEFT, "left": BARE_LEFT, "right": BARE_RIGHT}
    codes = {name: exemplars(decode, wanted(number), 10, latent_size=LATENT) for name, number in names.items()}
    means = torch.stack([found.mean(0) for found in codes.values()])
    result = latent_arithmetic(*codes.values())
    near = result + 0.25 * torch.randn(3, LATENT, generator=torch.Generator().manual_seed(0))
    made = decode(torch.cat([near, result[None]]))
    assert kind(made[-1:]).tolist() == [BAR_RIGHT]
    figure = arithmetic_picture(
        {name: decode(found[:3]).numpy() for name, found in codes.items()},
        decode(means).numpy(),
        made.numpy(),
        "right with a bar",
    )
    drawn = {artist.get_gid(): artist for artist in figure.axes[0].get_images()}
    assert len(drawn) == 4 * 4
    rows = [
        torch.cat([decode(found[:3]), mean[None]]) for found, mean in zip(codes.values(), decode(means), strict=True)
    ]
    for row, images in enumerate([*rows, made]):
        for n, image in enumerate(images):
            shown = torch.as_tensor(drawn[f"0/{row}-{n}"].get_array()[:, :, 0])
            torch.testing.assert_close(shown.float(), image[0])
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"left with a bar", "\N{MINUS SIGN} left", "+ right", "= right with a bar", "mean"} <= set(words)


@pytest.mark.catalogue("latent-interpolation", "interpolation-strip")
@pytest.mark.parametrize("line", [straight, spherical])
def test_images_change_gradually_between_two_codes(
    decode: Callable[[Tensor], Tensor], line: Callable[[Tensor, Tensor, int], Tensor]
) -> None:
    ends = [exemplars(decode, wanted(number), 4, latent_size=LATENT) for number in (BARE_LEFT, BAR_RIGHT)]
    ways = torch.stack([decode(line(a[None], b[None], 9)) for a, b in zip(*ends, strict=True)])
    for way, first, last in zip(ways, *ends, strict=True):
        torch.testing.assert_close(way[[0, 8]], decode(torch.stack([first, last])))
        steps = (way[1:] - way[:-1]).square().mean((1, 2, 3)).sqrt()
        apart = (way[-1] - way[0]).square().mean().sqrt()
        assert steps.max() < 0.75 * apart
    figure = interpolation_strip(ways.numpy(), titles=["1", "2", "3", "4"])
    drawn = {artist.get_gid(): torch.as_tensor(artist.get_array()[:, :, 0]) for artist in figure.axes[0].get_images()}
    assert len(drawn) == 4 * 9
    for row in range(4):
        for place in range(9):
            torch.testing.assert_close(drawn[f"0/{row}-{place}"].float(), ways[row, place, 0])
