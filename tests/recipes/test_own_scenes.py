"""A person's own images with masks, of different sizes, from the first step to masks of new images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurarium.data.ragged import Ragged
from neurarium.runs.run import Run
from neurarium.train import launch
from neurarium.train.fit import Interrupted
from neurarium.train.prove import prove
from neurarium.train.recipe import Recipe
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at, tiny, train


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Bright squares on dark ground, in images of 20 x 50 to 50 x 30 pixels; their masks have the values 3 and 200."""
    random = np.random.default_rng(0)
    root = tmp_path / "squares"
    for i in range(10):
        size = (20 + 3 * i, 50 - 2 * i)
        truth = np.zeros(size, bool)
        for _ in range(3):
            top, left = random.integers(0, (size[0] - 8, size[1] - 8))
            truth[top : top + 8, left : left + 8] = True
        x = random.normal(70 + 100 * truth, 15).clip(0, 255)
        for part, values in (("images", x), ("masks", np.where(truth, 200, 3))):
            (root / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(root / part / f"{i}.png")
    return root


def recipe_of(name: str, squares: Path) -> Recipe:
    return tiny(name, data=str(squares), steps=12)


@pytest.mark.parametrize("name", ["unet", "fcn"])
def test_runs_on_images_of_several_sizes_resume_bit_for_bit(
    name: str, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(name, squares)
    data = recipe.open_data()
    assert isinstance(data, Ragged)
    whole = train(recipe, tmp_path / "whole")
    assert prove(whole, recipe, Quiet()).differs == ""
    with monkeypatch.context() as patch:
        stop_at(5, type(recipe.task(data.spec)), patch)
        with pytest.raises(Interrupted, match=r"neurarium resume"):
            train(recipe, tmp_path / "cut")
    run = Run.open("last", tmp_path / "cut")
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""
