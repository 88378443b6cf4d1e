"""An autoencoder beside a variational one: where codes lie, and what they decode to."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from neurarium.explain import latent_space
from neurarium.explain.latent_space import NAMES, STEPS, completeness, regularity
from neurarium.explain.lesson import Lesson
from neurarium.explain.small_autoencoders import NOISE, Trained, digits, gaussian_kl, nll, train

X, Y = digits()
PLAIN, VARIATIONAL = NAMES.values()


@pytest.fixture(name="lesson", scope="module")
def _lesson() -> Lesson:
    return latent_space.tell(latent_space.Options())


@pytest.fixture(name="models", scope="module")
def _models() -> dict[str, Trained]:
    return {name: train(X, variational=variational) for variational, name in NAMES.items()}


def part(figure: Any, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


@pytest.mark.catalogue("gaussian-kl-divergence")
def test_the_worked_example_and_torchs_own_divergence(lesson: Lesson) -> None:
    assert "(2 + 0.25 - 1 - log 2) = 0.278426" in lesson.text
    mean, log_variance = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0)).double()
    expected = kl_divergence(Normal(mean, torch.exp(log_variance / 2)), Normal(0, 1)).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)
    torch.testing.assert_close(nll(mean, X[:6, :3]), -Normal(mean, NOISE).log_prob(X[:6, :3]).sum(1))


@pytest.mark.catalogue("regular-latent-plot")
def test_clouds_of_classes_are_scattered_without_the_pull_and_lie_together_with_it(
    lesson: Lesson, models: dict[str, Trained]
) -> None:
    radius = math.sqrt(-2 * math.log(0.05))
    at_home = {}
    for name, model in models.items():
        codes = model.encode(X).numpy()
        for label in range(10):  # what is drawn is what the network says
            np.testing.assert_allclose(
                part(lesson.figures["clouds"], f"{name}-class-{label}").get_offsets(), codes[label == Y], rtol=1e-5
            )
        at_home[name] = [(np.hypot(*codes[label == Y].T) <= radius).mean() for label in range(10)]
        told = lesson.values[name]
        assert told["deviation"] == pytest.approx(math.sqrt(codes.var(0, ddof=1).mean()), rel=1e-5)
        assert told["inside"] == pytest.approx((np.hypot(*codes.T) <= radius).mean())
    # Of nearly every class most codes lie where a standard normal draws; without the pull of few.
    assert min(at_home[VARIATIONAL]) > 0.5
    assert sum(share > 0.5 for share in at_home[PLAIN]) <= 5
    assert lesson.values[VARIATIONAL]["deviation"] == pytest.approx(1, abs=0.25)
    assert lesson.values[PLAIN]["deviation"] > 2


@pytest.mark.catalogue("latent-continuity")
def test_near_codes_decode_to_near_contents(lesson: Lesson, models: dict[str, Trained]) -> None:
    for name, model in models.items():
        z = model.encode(X)
        direction = torch.nn.functional.normalize(
            torch.randn(z.shape, generator=torch.Generator().manual_seed(0)), dim=1
        )

        def change(step: float, model: Trained = model, z: Tensor = z, direction: Tensor = direction) -> Tensor:
            return (model.decode(z + step * direction) - model.decode(z)).square().mean(1).sqrt()

        # Half the step, half the change: the way has no jumps.
        ratio = change(0.01) / change(0.005)
        assert ratio.quantile(0.01) > 1.8
        assert ratio.quantile(0.99) < 2.2
        assert lesson.values[name]["largest_change"] < 0.02
    told = lesson.values
    assert told[VARIATIONAL]["largest_change"] < 0.7 * told[PLAIN]["largest_change"]
    # The strip is the way, in small steps: no neighbours differ by more than a third of the ends.
    for row, model in enumerate(models.values()):
        strip = [part(lesson.figures["continuity"], f"0/{row}-{t}").get_array()[..., 0] for t in range(STEPS)]
        first, last = (model.encode(X[int(np.flatnonzero(label == Y)[0])][None]) for label in (0, 6))
        middle = model.decode(first + (last - first) * 4 / (STEPS - 1))
        np.testing.assert_allclose(strip[4], middle[0].reshape(8, 8), atol=1e-5)
        steps = [np.linalg.norm(b - a) for a, b in pairwise(strip)]
        assert max(steps) < np.linalg.norm(strip[-1] - strip[0]) / 3


@pytest.mark.catalogue("latent-completeness")
def test_random_codes_decode_to_every_kind_of_digit_with_the_pull_only(
    lesson: Lesson, models: dict[str, Trained]
) -> None:
    drawn = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    judge = KNeighborsClassifier(1).fit(X.numpy(), Y)
    for number, (name, model) in enumerate(models.items()):
        images = model.decode(drawn)
        shares = np.bincount(judge.predict(images.numpy()), minlength=10) / 1000
        assert lesson.values[name]["kinds"] == (shares >= 0.02).sum()
        even = np.exp(-sum(share * math.log(share) for share in shares if share))
        assert lesson.values[name]["even_kinds"] == pytest.approx(even)
        shown = part(lesson.figures["completeness"], f"{number}/7-3").get_array()[..., 0]
        np.testing.assert_allclose(shown, images[59].reshape(8, 8), atol=1e-5)
        # They are digits: as near to a real one as two real ones of a class are.
        nearest = torch.cdist(images, X).min(1).values.mean()
        zeros = X[Y == 0]
        assert nearest < torch.cdist(zeros, zeros).median()
    assert lesson.values[VARIATIONAL]["kinds"] == 10
    assert lesson.values[VARIATIONAL]["even_kinds"] > 8
    assert lesson.values[PLAIN]["even_kinds"] < 7


@pytest.mark.catalogue("variational-autoencoder")
def test_without_the_pull_clouds_shrink_and_means_fly_apart(models: dict[str, Trained]) -> None:
    free = train(X, variational=True, pull=0.0)
    told, pulled = (model.log_values(X, seed=0) for model in (free, models[VARIATIONAL]))
    assert told["deviation_of_a_code"] < 0.3 * pulled["deviation_of_a_code"]
    assert regularity(free.encode(X))["deviation"] > 2 * regularity(models[VARIATIONAL].encode(X))["deviation"]
    assert told["divergence"] > 2 * pulled["divergence"]


@pytest.mark.catalogue("latent-variable")
def test_the_page_holds_its_numbers_and_refuses_nonsense(lesson: Lesson, models: dict[str, Trained]) -> None:
    assert "Plato's cave" in lesson.text
    assert max(map(len, lesson.text.splitlines())) <= 120
    logged = lesson.values["logged"]
    assert logged["negative_elbo"] == pytest.approx(logged["reconstruction"] + logged["divergence"])
    for name in ("reconstruction", "divergence", "negative_elbo"):
        assert f"{name:<14}{logged[name]:>10.2f}" in lesson.text
    assert completeness(X[Y == 3][:50], X, Y) == {"kinds": 1, "even_kinds": 1}
    assert regularity(torch.tensor([[3.0, 0.0], [-1.0, 0.0]]))["inside"] == 0.5
    with pytest.raises(ValueError, match=r"a pull of at least 0 and at least 50 steps, received -1 and 600"):
        latent_space.tell(latent_space.Options(pull=-1.0))
