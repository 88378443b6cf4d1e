"""Images of different sizes with masks: training batches are cut from them, and a split is read image by image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurarium.data.audit import across_splits
from neurarium.data.augment_masks import mirrored
from neurarium.data.memory import Augment, Order, at_most_all, known_split
from neurarium.data.seeding import Purpose, mixed
from neurarium.data.weight_map import IGNORED
from neurarium.train.data import Batch, Data, Finding, Shard, Spec, State, Stream

if TYPE_CHECKING:
    from neurarium.train.task import Task


class Ragged(Data):
    """Splits whose images differ in size, resident on the device.

    splits: name -> its images, each a `Masked` or `WeightedMasked` of one; "train" first.
    augment: of each training image by itself, such as a random crop. What is smaller than the crop of the largest
        image is filled up to that size: by the mirrored image, with pixels whose mask is 255 and whose weight is 0.
        Without it images are filled up to the longest sides of all.
    findings, name, places: as `InMemory` has them.
    """

    def __init__(
        self,
        splits: Mapping[str, Sequence[Batch]],
        spec: Spec,
        *,
        batch_size: int,
        augment: Augment | None = None,
        findings: Sequence[Finding] = (),
        name: str = "data",
        places: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._splits = {split: list(items) for split, items in splits.items()}
        self.splits, self.spec = tuple(splits), spec
        self._batch_size = at_most_all(batch_size, num_items=len(self._splits["train"]), name=name)
        self._augment, self._findings, self._name, self._places = augment, tuple(findings), name, places or {}

    def items(self, split: str) -> list[Batch]:
        """The images of a split, each as a batch of one. Not to be written to."""
        return self._splits[known_split(split, self.splits)]

    def audit(self) -> list[Finding]:
        digests = {split: [_digest(item) for item in items] for split, items in self._splits.items()}
        return [*self._findings, *across_splits(digests, name=self._name, places=self._places)]

    def to(self, device: torch.device) -> None:
        for items in self._splits.values():
            items[:] = [_of_kind(item, [field.to(device) for field in item]) for item in items]

    def stream(self, task: Task, *, seed: int, shard: Shard) -> RaggedStream:
        order = Order(len(self._splits["train"]), self._batch_size, seed=seed)
        return RaggedStream(self._splits["train"], order, augment=self._augment, shard=shard)

    def split(self, name: str, *, shard: Shard) -> Iterator[Batch]:
        return iter(self.items(name)[shard.rank :: shard.world])


class RaggedStream(Stream):
    """Training batches, cut from images of any size. A cut is a function of seed, batch and place in the batch."""

    def __init__(self, items: Sequence[Batch], order: Order, *, augment: Augment | None, shard: Shard) -> None:
        self._items, self._order, self._augment, self._shard = items, order, augment, shard
        self._generator = torch.Generator(items[0][0].device)
        self._position = 0
        self._size = self._batch_shape()

    def __next__(self) -> Batch:
        i = self._position
        self._position = i + 1
        index = self._order.batch(i)
        places = self._shard.of(torch.arange(len(index))).tolist()
        cuts = [self._cut(self._items[int(index[place])], i, place) for place in places]
        return _of_kind(
            cuts[0], [torch.cat(fields) for fields in zip(*(fill(c, *self._size) for c in cuts), strict=True)]
        )

    def state(self) -> State:
        return {"position": self._position}

    def restore(self, state: State) -> None:
        self._position = int(state["position"])

    def _cut(self, item: Batch, i: int, place: int) -> Batch:
        if self._augment is None:
            return item
        self._generator.manual_seed(mixed(Purpose.AUGMENT, self._order.seed, i, place))
        return self._augment(item, self._generator)

    def _batch_shape(self) -> tuple[int, int]:
        """Height and width of every batch, so that compiled networks meet one size."""
        masks = [item[1] for item in self._items]
        if self._augment is None:
            return max(mask.shape[1] for mask in masks), max(mask.shape[2] for mask in masks)
        largest = max(range(len(masks)), key=lambda row: min(masks[row].shape[1:]))
        cut = self._cut(self._items[largest], 0, 0)[1]
        return cut.shape[1], cut.shape[2]


def fill(batch: Any, height: int, width: int) -> Batch:
    """The batch with masks of height x width pixels or more: around it the image is mirrored, and nothing is known.

    x may be larger than the mask, by a margin that it keeps.
    """
    rows, columns = max(0, height - batch.mask.shape[1]), max(0, width - batch.mask.shape[2])
    if not (rows or columns):
        return batch
    around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    changed = {"x": _mirrored_around(batch.x, around)}
    for name, value in (("mask", IGNORED), ("weight", 0)):
        if name in batch._fields:
            changed[name] = torch.nn.functional.pad(getattr(batch, name), around, value=value)
    return batch._replace(**changed)


def _mirrored_around(x: Tensor, around: tuple[int, int, int, int]) -> Tensor:
    left, right, top, bottom = around
    H, W = x.shape[-2:]
    rows = mirrored(torch.arange(-top, H + bottom, device=x.device), H)
    columns = mirrored(torch.arange(-left, W + right, device=x.device), W)
    return x[..., rows, :][..., columns]


def _of_kind(batch: Batch, fields: Sequence[Tensor]) -> Batch:
    kind: Any = type(batch)
    return kind(*fields)


def _digest(item: Batch) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for field in item:
        found.update(repr(tuple(field.shape)).encode() + field.cpu().numpy().tobytes())
    return found.digest()
