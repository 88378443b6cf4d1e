"""A quiz: which of these pictures are real, and which did a run make?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurarium.data.memory import InMemory
from neurarium.plots.generated import quiz_sheet
from neurarium.runs.atomic import atomic_write
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from neurarium.uses.trained import Trained


@dataclass(frozen=True, slots=True)
class Quiz:
    """images (N, C, H, W) in 0..1, half of them real, in random order; generated (N,): which the run made."""

    images: Tensor
    generated: Tensor

    def write(self, folder: str | Path) -> tuple[Path, Path]:
        """quiz.png, numbered from 1, and answers.json beside it; returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        sheet, answers = folder / "quiz.png", folder / "answers.json"
        quiz_sheet(self.images.numpy()).savefig(sheet, bbox_inches="tight")
        numbers = {"generated": True, "real": False}
        key = {
            name: [i + 1 for i, made in enumerate(self.generated.tolist()) if made is is_made]
            for name, is_made in numbers.items()
        }
        with atomic_write(answers) as temporary:
            temporary.write_text(json.dumps(key) + "\n", encoding="utf-8")
        return sheet, answers


def quiz(trained: Trained, *, pairs: int = 12, seed: int = 0) -> Quiz:
    """So many real images of the test split and as many samples, in an order that `seed` draws.

    Real ones are brought to the size of the samples as the networks saw them. Raises UserError for a run that makes no
    images, or where there are too few real ones.
    """
    task: Any = trained.load()
    data = trained.recipe.open_data()
    if not hasattr(task, "sample") or data.spec.fitted.get("kind") != "images" or not isinstance(data, InMemory):
        raise UserError(f"{trained.run.name} makes no images, so there is nothing to guess. Choose a run that does.")
    held: Any = data.items("test" if "test" in data.splits else data.splits[-1])[0]
    if not 1 <= pairs <= len(held):
        raise UserError(f"A quiz has 1 to {len(held)} pairs with these data, received {pairs}.")
    random = torch.Generator().manual_seed(seed)
    chosen = held[torch.randperm(len(held), generator=random)[:pairs]]
    made = task.sample(pairs, seed=seed)
    with torch.no_grad():
        real = task.inputs.restore(task.inputs(chosen.to(task.device))).cpu()
    order = torch.randperm(2 * pairs, generator=random)
    images = torch.cat([real, made])[order]
    return Quiz(images, order >= pairs)
