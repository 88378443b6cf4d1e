"""GANs on images, trained for seconds on real digits: what they make, by the word of a classifier and of formulas."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.runs.errors import RunError
from neurarium.tasks.adversarial_pictures import category_traversal, number_traversal
from neurarium.train.data import Shard
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build
from neurarium.uses.fake_or_real import quiz
from neurarium.uses.progress import progress
from neurarium.uses.trained import Trained
from tests.recipes.test_every_recipe import Quiet
from tests.undrawn import undrawn

FIXED: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off", "evaluations": 2}
QUICK: dict[str, Any] = {"data": "digits", "width": 32, "steps": 400, "lr": 1e-3, "latent_size": 30}
"""A larger rate than the papers', for seconds instead of minutes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with undrawn():
        yield tmp_path_factory.mktemp("runs")


def trained(name: str, folder: Path, **knobs: Any) -> Trained:
    return api.train(name, runs=str(folder), screen=Quiet(), **{**FIXED, **knobs})


@pytest.fixture(scope="module")
def judge(folder: Path) -> Trained:
    """A classifier of real digits."""
    return trained("mlp", folder, data="digits", epochs=10.0)


@pytest.fixture(scope="module")
def conditional(folder: Path, judge: Trained) -> Trained:
    return trained("conditional-gan", folder, **QUICK, judge=str(judge.path))


def named(judge: Trained, images: Tensor) -> Tensor:
    task: Any = judge.load()
    found: Tensor = task.predict(images)
    return found


def test_the_judge_can_be_trusted(judge: Trained) -> None:
    assert judge.test["accuracy"] > 0.93


@pytest.mark.catalogue("conditional-gan", "gan-sample-grid", "image-generation")
def test_a_class_that_is_asked_for_is_made(conditional: Trained, judge: Trained) -> None:
    """Ten by ten digits: one class a row where it is asked for, unsorted where it is not."""
    task: Any = conditional.load()
    rows = torch.arange(10).repeat_interleave(10)
    sorted_grid, unsorted = task.sample(100, labels=rows), task.sample(100)
    assert sorted_grid.shape == (100, 1, 8, 8)
    assert sorted_grid.min() >= 0
    assert sorted_grid.max() <= 1
    assert (named(judge, sorted_grid) == rows).float().mean() > 0.7
    assert (named(judge, unsorted) == rows).float().mean() < 0.3
    assert len(named(judge, unsorted).unique()) >= 8
    assert conditional.test["judge_accuracy"] > 0.7
    data = conditional.recipe.open_data()
    with torch.no_grad():
        figure = task.pictures(data.split("test", shard=Shard()))["samples"]
    drawn = {artist.get_gid(): artist.get_array()[:, :, 0] for artist in figure.axes[0].get_images()}
    assert len(drawn) == 100
    for place, image in enumerate(sorted_grid):
        np.testing.assert_allclose(drawn[f"0/{place // 10}-{place % 10}"], image[0], atol=1e-6)


@pytest.mark.catalogue("generated-data-for-training")
def test_a_classifier_learns_from_generated_digits_but_less_than_from_real_ones(conditional: Trained) -> None:
    task: Any = conditional.load()
    data: Any = open_labelled("digits", batch_size=100)
    held, truth = data.items("test")
    real, labels = data.items("train")
    wanted = torch.arange(10).repeat(len(real) // 10)
    made = task.sample(len(wanted), labels=wanted)

    def accuracy(images: Tensor, classes: Tensor) -> float:
        learned = LogisticRegression(max_iter=300).fit(images.flatten(1).numpy(), classes.numpy())
        return float(learned.score(held.flatten(1).float().numpy() / 255, truth.numpy()))

    from_real, from_made = accuracy(real.float() / 255, labels), accuracy(made, wanted)
    assert from_real > 0.93
    assert 0.6 < from_made < from_real


@pytest.mark.catalogue("ac-gan")
def test_an_auxiliary_classifier_names_what_it_sees(folder: Path, judge: Trained) -> None:
    run = trained("ac-gan", folder, **QUICK, judge=str(judge.path))
    assert run.test["judge_accuracy"] > 0.7
    last = [row for row in run.rows if row["split"] == "train"][-1]
    assert last["generator_fake_class"] < 0.5 * math.log(10)
    task: Any = run.load()
    held, truth = next(iter(run.recipe.open_data().split("test", shard=Shard())))
    with torch.no_grad():
        classes = task.discriminator(task.inputs(held))[:, 1:].argmax(1)
    assert (classes == truth).float().mean() > 0.85


@pytest.mark.catalogue("label-supervised-gan")
def test_labels_of_real_digits_teach_the_discriminator(folder: Path) -> None:
    """D predicts the class as well; the generator is told none."""
    run = trained("ac-gan", folder, **{**QUICK, "steps": 150}, told=False)
    task: Any = run.load()
    assert task.condition is None
    last = [row for row in run.rows if row["split"] == "train"][-1]
    assert "fake_class" not in last
    held, truth = next(iter(run.recipe.open_data().split("test", shard=Shard())))
    with torch.no_grad():
        classes = task.discriminator(task.inputs(held))[:, 1:].argmax(1)
    assert (classes == truth).float().mean() > 0.8


@pytest.mark.catalogue("infogan")
def test_codes_can_be_read_from_the_image_and_change_it(folder: Path) -> None:
    run = trained("infogan", folder, **{**QUICK, "lr": 5e-4, "latent_size": 20})
    last = [row for row in run.rows if row["split"] == "train"][-1]
    information = math.log(10) - last["generator_category"]
    assert information > 0.8 * math.log(10)  # of the ln 10 nats that a category has
    assert last["generator_numbers"] < 0.7 * 2 / 6  # half the variance of two numbers from -1 to 1
    task: Any = run.load()
    categories, numbers = category_traversal(task, 3), number_traversal(task, 0, 3, steps=5)
    assert categories.shape == (3, 10, 1, 8, 8)
    assert numbers.shape == (3, 5, 1, 8, 8)
    with torch.no_grad():
        read = task.discriminator(2 * categories.flatten(0, 1) - 1)[:, 1:11].argmax(1).view(3, 10)
        slopes = task.discriminator(2 * numbers.flatten(0, 1) - 1)[:, 11].view(3, 5)
    assert (read == torch.arange(10)).float().mean() > 0.8
    assert (slopes[:, -1] > slopes[:, 0]).all()
    # All else stays in a row: the images differ by the category alone.
    torch.testing.assert_close(categories, category_traversal(task, 3))
    figures = task.pictures(run.recipe.open_data().split("test", shard=Shard()))
    assert figures.keys() == {"samples", "category", "numbers"}


@pytest.mark.catalogue("gan-progress-strip", "gan-stopping")
def test_samples_over_time_while_the_discriminator_loses() -> None:
    """The strip shows one set of codes; the accuracy, high once D has learned to see, falls towards one half."""
    recipe = fill(CATALOGUE["conditional-gan"], {**QUICK, "lr": 5e-4})
    steps = (0, 60, 120, 360, 480, 600)
    found = progress(recipe, steps, count=3, settings=Settings(threads=1, precision="float32", compile="off"))
    assert found.images.shape == (6, 3, 1, 8, 8)
    assert max(found.accuracy) > 0.85
    late = sum(found.accuracy[3:]) / 3
    assert abs(late - 0.5) < 0.2
    assert late < max(found.accuracy) - 0.2
    figure: Any = found.picture()
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {f"{step}\n{share:.0%}" for step, share in zip(steps, found.accuracy, strict=True)} <= set(words)
    drawn = {artist.get_gid(): artist.get_array()[:, :, 0] for artist in figure.axes[0].get_images()}
    for moment in range(6):
        for n in range(3):
            np.testing.assert_allclose(drawn[f"0/{n}-{moment}"], found.images[moment, n, 0], atol=1e-6)
    first = progress(recipe, (60,), count=3, settings=Settings(threads=1, precision="float32", compile="off"))
    torch.testing.assert_close(first.images[0], found.images[1])
    with pytest.raises(UserError, match=r"Expected steps that grow"):
        progress(recipe, (5, 5))
    with pytest.raises(UserError, match=r"wgan has no discriminator that names"):
        progress(fill(CATALOGUE["wgan"], CATALOGUE["wgan"].tiny), (0,))


@pytest.mark.catalogue("fake-or-real-quiz")
def test_a_quiz_keeps_its_answers_apart(conditional: Trained, tmp_path: Path) -> None:
    asked = quiz(conditional, pairs=8, seed=3)
    assert asked.images.shape == (16, 1, 8, 8)
    assert int(asked.generated.sum()) == 8
    assert asked.generated[:8].any()
    assert not asked.generated[:8].all()
    task: Any = conditional.load()
    held: Any = open_labelled("digits", batch_size=1)
    real = {tuple(image.flatten().tolist()) for image in held.items("test").x}
    for image, made in zip(asked.images, asked.generated, strict=True):
        assert (tuple((255 * image).round().int().flatten().tolist()) in real) == (not made)
    torch.testing.assert_close(asked.images[asked.generated].sum(), task.sample(8, seed=3).sum())
    sheet, answers = asked.write(tmp_path / "quiz")
    assert sheet != answers
    key = json.loads(answers.read_text())
    assert sorted(key["real"] + key["generated"]) == list(range(1, 17))
    assert [asked.generated[number - 1].item() for number in key["generated"]] == [True] * 8
    assert {path.name for path in sheet.parent.iterdir()} == {"quiz.png", "answers.json"}
    with pytest.raises(UserError, match=r"1 to 450 pairs with these data, received 451"):
        quiz(conditional, pairs=451)


@pytest.mark.catalogue("dcgan")
def test_a_step_is_that_of_a_loop_by_hand() -> None:
    """Algorithm 1 with k = 1, -log D(G(z)), Adam at 2e-4 with beta_1 of 0.5, z of 100: the same weights after steps."""
    kind: Any = CATALOGUE["dcgan"]
    recipe = replace(kind(), data="digits", width=4)
    assert (recipe.lr, recipe.latent_size) == (2e-4, 100)
    torch.set_num_threads(1)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    task: Any = training.task
    hand: Any = copy.deepcopy(task)
    stream = data.stream(task, seed=0, shard=Shard())
    adam = {
        name: torch.optim.Adam(getattr(hand, name).parameters(), lr=2e-4, betas=(0.5, 0.999))
        for name in ("generator", "discriminator")
    }
    torch.manual_seed(5)
    for _ in range(3):
        task.step(training.stream, training.steppers)
    torch.manual_seed(5)
    for _ in range(3):
        x: Any = next(stream)[0].float() / 127.5 - 1
        fake = hand.generator(torch.randn(len(x), 100)).detach()
        loss = F.binary_cross_entropy_with_logits(hand.discriminator(x), torch.ones(len(x), 1))
        loss = loss + F.binary_cross_entropy_with_logits(hand.discriminator(fake), torch.zeros(len(x), 1))
        adam["discriminator"].zero_grad()
        loss.backward()
        adam["discriminator"].step()
        count = len(next(stream)[0])
        scores = hand.discriminator(hand.generator(torch.randn(count, 100)))
        adam["generator"].zero_grad()
        F.binary_cross_entropy_with_logits(scores, torch.ones(count, 1)).backward()
        adam["generator"].step()
    for name, value in task.state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[name], rtol=1e-4, atol=1e-6, msg=name)


def optimizers(name: str, **knobs: Any) -> dict[str, Any]:
    recipe = fill(CATALOGUE[name], {**CATALOGUE[name].tiny, **knobs})
    training = build(recipe, recipe.open_data(), Settings(threads=1), FastPath("cpu"), Shard())
    groups = {part: stepper.optimizer for part, stepper in training.steppers.items()}
    return {"task": training.task, **groups}


@pytest.mark.catalogue("wasserstein-gan")
def test_settings_of_wgan() -> None:
    found = optimizers("wgan")
    for part in ("generator", "discriminator"):
        assert isinstance(found[part], torch.optim.RMSprop)
        assert found[part].param_groups[0]["lr"] == 5e-5
    assert found["task"].discriminator_steps == 5
    assert found["task"].descents["discriminator"].weight_bound == 0.01
    assert found["task"].descents["generator"].weight_bound is None


@pytest.mark.catalogue("wgan-gp")
def test_settings_of_wgan_gp() -> None:
    found = optimizers("wgan-gp")
    for part in ("generator", "discriminator"):
        assert isinstance(found[part], torch.optim.Adam)
        assert (found[part].param_groups[0]["lr"], found[part].param_groups[0]["betas"]) == (1e-4, (0.0, 0.9))
    assert found["task"].discriminator_steps == 5
    assert found["task"].penalties["gradient_penalty"].weight == 10
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in found["task"].discriminator.modules())
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in found["task"].generator.modules())


def rooms(folder: Path) -> None:
    """Drawn bedrooms: a wall, a floor, a window and a bed, of random colours and places."""
    random = np.random.default_rng(0)
    for split in ("day", "night"):
        (folder / split).mkdir(parents=True)
        for number in range(12):
            room = np.zeros((20, 24, 3), np.uint8)
            room[:12], room[12:] = random.integers(60, 255, 3), random.integers(20, 120, 3)
            left = int(random.integers(2, 14))
            room[3:8, left : left + 6] = (180, 210, 250) if split == "day" else (10, 10, 60)
            room[13:18, 24 - left - 10 : 24 - left] = random.integers(100, 255, 3)
            Image.fromarray(room).save(folder / split / f"{number}.png")


@pytest.mark.catalogue("lsun-bedrooms", "bedroom-and-face-samples")
def test_a_folder_of_rooms(tmp_path: Path) -> None:
    """Bedrooms in colour, such as those of LSUN, come as a folder of images."""
    rooms(tmp_path / "rooms")
    recipe = fill(
        CATALOGUE["dcgan"], {"data": str(tmp_path / "rooms"), "steps": 2, "width": 2, "batch_size": 8, "latent_size": 5}
    )
    data = recipe.open_data()
    assert data.spec.shape == (3, 64, 64)
    task: Any = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard()).task
    figure = task.eval().pictures(data.split("test", shard=Shard()))["samples"]
    assert len(figure.axes[0].get_images()) == 100
    assert task.sample(2).shape == (2, 3, 64, 64)


@pytest.mark.catalogue("face-images", "bedroom-and-face-samples")
def test_faces(data_home: Path) -> None:
    recipe = fill(CATALOGUE["dcgan"], {"data": "faces", "width": 2, "batch_size": 8, "latent_size": 5})
    data = recipe.open_data()
    assert data.spec.shape == (1, 64, 64)
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    training.task.step(training.stream, training.steppers)
    task: Any = training.task.eval()
    figure = task.pictures(data.split("test", shard=Shard()))["samples"]
    assert len(figure.axes[0].get_images()) == 100
    assert task.sample(3).shape == (3, 1, 64, 64)


def test_samples_have_the_size_of_the_data(data_home: Path) -> None:
    recipe = fill(CATALOGUE["dcgan"], {"width": 2, "latent_size": 5})
    data = recipe.open_data()
    task: Any = recipe.task(data.spec).eval()
    assert task.sample(2).shape == (2, 1, 28, 28)
    module, args = task.deployed(next(iter(data.split("test", shard=Shard()))))
    with torch.no_grad():
        made = module(*(arg[:2] for arg in args))
    assert made.shape == (2, 1, 28, 28)
    assert 0 <= made.min() <= made.max() <= 1
    x = data.items("test").x[:5]  # type: ignore[attr-defined]
    torch.testing.assert_close(task.inputs.restore(task.inputs(x)), x.float() / 255)


def test_judges_that_cannot_judge(judge: Trained, conditional: Trained, folder: Path) -> None:
    def opened(run: str, data: str = "digits") -> None:
        fill(CATALOGUE["dcgan"], {"data": data, "judge": run}).open_data()

    opened(str(judge.path))
    with pytest.raises(UserError, match=r"--judge last would soon be this run itself"):
        opened("last")
    with pytest.raises(UserError, match=r"expected a run that learned classes"):
        opened(str(conditional.path))
    rooms(folder / "rooms")
    with pytest.raises(UserError, match=r"knows the classes 0, 1, 2.*Train the judge on the same data"):
        opened(str(judge.path), str(folder / "rooms"))
    with pytest.raises(RunError, match=r"There is no run"):
        opened(str(folder / "nothing"))


def test_points_are_no_images() -> None:
    recipe = fill(CATALOGUE["dcgan"], {"data": "digits"})
    spec = replace(recipe.open_data().spec, shape=(2,))
    with pytest.raises(UserError, match=r"dcgan makes images, and digits are none. Use gan-ring"):
        recipe.task(spec)
