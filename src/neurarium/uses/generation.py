"""What a trained system makes: samples, ways between two codes, sums of codes; and items as codes and back."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurarium.data.inputs import read_inputs
from neurarium.tasks.conditions import Codes
from neurarium.tasks.latents import latent_arithmetic
from neurarium.train.data import Shard, Spec
from neurarium.train.recipe import UserError, near

if TYPE_CHECKING:
    from neurarium.uses.trained import Trained

Files = Sequence["str | Path"]

USES = {
    "sample": "draws no new items",
    "encode": "finds no code of an item",
    "decode": "makes no item of a code",
    "reconstruct": "does not give back what it is given",
}


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """names (N) of items; inputs (N, ...) as the network saw them and outputs (N, ...): images (N, C, H, W) in [0, 1],
    others in their own units; errors (N,): mean squared difference of a value, of others than images standardised."""

    names: list[str]
    inputs: Tensor
    outputs: Tensor
    errors: Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """names (N) of items, their codes (N, d), and the names of their classes, empty where there are none."""

    names: list[str]
    codes: Tensor
    classes: list[str]


def sample(
    trained: Trained,
    count: int = 64,
    *,
    classes: Sequence[str | int] = (),
    seed: int = 0,
    truncation: float | None = None,
) -> Tensor:
    """Items (count, ...) that the system draws: images (count, C, H, W) in [0, 1], or points (count, F).

    classes: names or numbers; so many of each, one class after the other, (count * classes, ...).
    truncation: for systems that know it, how far from the middle codes may lie.
    """
    maker = _Maker(trained, "sample")
    if count < 1:
        raise UserError(f"Expected at least 1 sample, received a count of {count}.")
    labels = maker.labels(classes, count) if classes else None
    options: dict[str, Any] = {"seed": _seed(seed)}
    if truncation is not None:
        if "truncation" not in maker.parameters("sample"):
            raise UserError(f"{maker.name} draws codes of one width only. Leave --truncation out.")
        options["truncation"] = truncation
    return maker.call("sample", count if labels is None else len(labels), labels=labels, **options)


def interpolate(
    trained: Trained,
    files: Files = (),
    *,
    seeds: Sequence[int] = (),
    steps: int = 8,
    label: str | int | None = None,
) -> Tensor:
    """Items (steps, ...) on the way between two codes, ends included.

    files: two images; their codes are joined by a straight line, and the ends are their reconstructions. seeds: two
    codes drawn from a normal distribution are joined along a sphere, on which such codes lie (White 2016), and the ends
    are `sample` of one item with these seeds. label: a class, for systems that are told one.
    """
    if steps < 2:
        raise UserError(f"Expected at least 2 steps, the two ends; received {steps}.")
    if bool(files) == bool(seeds):
        raise UserError("Name two images, or two seeds with --seeds 1 2: one of the two ways.")
    if seeds:
        maker = _Maker(trained, "decode")
        first, last = maker.drawn(seeds, label)
        way = [spherical(first[0], last[0], steps)]
        way += [straight(a, b, steps) for a, b in zip(first[1:], last[1:], strict=True)]
        return maker.decode(*way, label=label)
    maker = _Maker(trained, "encode", "decode")
    names, x = maker.read(files)
    if len(names) != 2:
        raise UserError(f"Expected two items, the ends of the way; received {len(names)}: {', '.join(names[:5])}.")
    codes = maker.encode(x, label)
    return maker.decode(straight(codes[:1], codes[1:], steps), label=label)


def arithmetic(
    trained: Trained, first: Files, minus: Files, plus: Files, *, label: str | int | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of codes, first - minus + plus, each the mean code of its files (Radford et al. 2015, section 6.3.2).

    Returns the codes (4, d) of the three means and of the result, and what they decode to, (4, ...).
    """
    maker = _Maker(trained, "encode", "decode")
    terms = [maker.encode(maker.read(files)[1], label) for files in (first, minus, plus)]
    codes = torch.stack([*(term.mean(0) for term in terms), latent_arithmetic(*terms)])
    return codes, maker.decode(codes, label=label)


def reconstruct(trained: Trained, files: Files, *, label: str | int | None = None) -> Reconstructed:
    """Items of files by way of their codes, and how far they are from themselves then: a score for what is unusual."""
    maker = _Maker(trained, "reconstruct")
    names, x = maker.read(files)
    outputs = maker.call("reconstruct", x, labels=maker.one_class(label, len(x)))
    if hasattr(maker.task, "reconstruction_errors"):
        inputs = x.float() / 255 if x.dtype == torch.uint8 else x.float()
        return Reconstructed(names, inputs, outputs, maker.task.reconstruction_errors(x))
    with torch.no_grad():
        prepared = maker.task.inputs(x).float()
    seen = maker.task.inputs.restore(prepared) if hasattr(maker.task.inputs, "restore") else prepared.view_as(outputs)
    return Reconstructed(names, seen, outputs, (seen - outputs).square().flatten(1).mean(1))


def encode(trained: Trained, files: Files = (), *, split: str = "", label: str | int | None = None) -> Encoded:
    """Codes of the items in files, or of a split of the run's own data."""
    if bool(files) == bool(split):
        raise UserError("Name files, or a split of the run's data with --split test: one of the two.")
    maker = _Maker(trained, "encode")
    if files:
        names, x = maker.read(files)
        return Encoded(names, maker.codes(x, maker.one_class(label, len(x))), [])
    if label is not None:
        raise UserError("The items of a split have classes of their own. Leave --class out.")
    data = trained.recipe.open_data()
    codes: list[Tensor] = []
    labels: list[int] = []
    for batch in data.split(split, shard=Shard()):
        fields = tuple(batch)
        known = fields[-1] if len(fields) > 1 and not fields[-1].is_floating_point() and fields[-1].dim() == 1 else None
        codes.append(maker.codes(fields[0], known if maker.told else None))
        labels += [] if known is None else known.tolist()
    found = torch.cat(codes)
    classes = [maker.spec.classes[label] for label in labels] if maker.spec.classes else []
    return Encoded([f"{split}[{i}]" for i in range(len(found))], found, classes)


def straight(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """(steps, d) from `first` to `last`, both (1, d), in equal steps."""
    t = torch.linspace(0, 1, steps)[:, None]
    return (1 - t) * first + t * last


def spherical(first: Tensor, last: Tensor, steps: int) -> Tensor:
    """(steps, d) from `first` to `last`, both (1, d), by equal angles; lengths between those of the ends.

    A straight line between two draws of a normal in many dimensions passes nearer to 0 than such draws lie.
    """
    a, b = first.double(), last.double()
    cosine = (a * b).sum() / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not 1e-6 < float(angle) < torch.pi - 1e-6:
        return straight(first, last, steps)
    t = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return way.to(first.dtype)


class _Maker:
    """The task of a run that has these methods, and what it must be told besides. Raises UserError where it has not."""

    def __init__(self, trained: Trained, *methods: str) -> None:
        self.name = trained.run.name
        self.task: Any = trained.load()
        self.spec = Spec.from_json(trained.run.header["spec"])
        self.told = bool(getattr(self.task, "conditional", False))
        for method in methods:
            if not hasattr(self.task, method):
                raise UserError(
                    f"{self.name} {USES[method]}: its system, {trained.recipe.name}, has no such method. Choose a run "
                    "of another system; `neurarium list` shows all."
                )

    def parameters(self, method: str) -> Sequence[str]:
        return list(inspect.signature(getattr(self.task, method)).parameters)

    def call(self, method: str, *args: Any, labels: Tensor | None = None, **options: Any) -> Tensor:
        if labels is not None:
            options["labels"] = labels
        try:
            found: Tensor = getattr(self.task, method)(*args, **options)
        except ValueError as error:
            raise UserError(f"{self.name}: {error}") from None
        return found

    def read(self, files: Files) -> tuple[list[str], Tensor]:
        """Names and items of files; images of a folder are named with it."""
        names: list[str] = []
        items = []
        for file in files:
            found, x = read_inputs(self.spec, [file])
            names += [str(Path(file) / name) for name in found] if Path(file).is_dir() else found
            items.append(x)
        return names, torch.cat(items)

    def encode(self, x: Tensor, label: str | int | None) -> Tensor:
        """Codes (N, d) that can be mixed. Raises UserError where they are numbers of entries in a table."""
        codes = self.codes(x, self.one_class(label, len(x)))
        if not codes.is_floating_point():
            raise UserError(f"The codes of {self.name} are whole numbers, between which nothing lies. Use another run.")
        return codes

    def codes(self, x: Tensor, labels: Tensor | None) -> Tensor:
        return self.call("encode", x, labels=labels)

    def decode(self, *codes: Tensor, label: str | int | None) -> Tensor:
        labels = self.one_class(label, len(codes[0])) if len(codes) == 1 else None
        return self.call("decode", *codes, labels=labels)

    def drawn(self, seeds: Sequence[int], label: str | int | None) -> list[tuple[Tensor, ...]]:
        """What `sample` decodes for one item with each seed: z (1, d), and c (1, size) under a condition."""
        if len(seeds) != 2:
            raise UserError(f"Expected two seeds, received {len(seeds)}: {' '.join(map(str, seeds))}.")
        size = getattr(self.task, "latent_size", None)
        if size is None:
            raise UserError(f"{self.name} has no distribution of codes to draw from. --seeds is for systems that have.")
        condition = getattr(self.task, "condition", None)
        labels = None if label is None or condition is None else self.labels([label], 1)
        found = []
        for seed in seeds:
            random = torch.Generator().manual_seed(_seed(seed))
            z = torch.randn(1, size, generator=random)
            told = (condition.draw(1, labels, torch.device("cpu"), random),) if condition else ()
            found.append((z, *told))
        return found

    def one_class(self, label: str | int | None, count: int) -> Tensor | None:
        """The class of all items, (count,), or None for a system that is told none."""
        if label is None and self.told:
            raise UserError(
                f"{self.name} must be told the class. Name it with --class: one of {', '.join(self.spec.classes)}."
            )
        return None if label is None else self.labels([label], count)

    def labels(self, classes: Sequence[str | int], count: int) -> Tensor:
        """Numbers of classes that are named or numbered, `count` of each, int64. Their range is the task's to check."""
        if not self.told and getattr(self.task, "condition", None) is None:
            raise UserError(f"{self.name} knows no classes. Leave --class out.")
        named = () if isinstance(getattr(self.task, "condition", None), Codes) else self.spec.classes
        numbers = []
        for one in map(str, classes):
            if one not in named and not one.isdecimal():
                raise UserError(f"There is no class {one!r}.{near(one, named) if named else ' Use its number.'}")
            numbers.append(named.index(one) if one in named else int(one))
        return torch.tensor(numbers).repeat_interleave(count)


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**63:
        raise UserError(f"A seed is a whole number from 0 on, received {seed}.")
    return seed
