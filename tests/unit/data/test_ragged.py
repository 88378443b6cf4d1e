"""Images of different sizes with masks: what a batch holds, whose turn it is, and that nothing unknown counts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.optim import Adam

from neurarium.data.augment_masks import ElasticDeformation, RandomCrop, RandomTurn
from neurarium.data.masks import Masked, Scenes, WeightedMasked, resident
from neurarium.data.memory import InMemory
from neurarium.data.ragged import Ragged, fill
from neurarium.data.segmentation import open_segmentation
from neurarium.data.weight_map import WeightMap, balanced
from neurarium.networks.unet import UNet
from neurarium.nn.augment import Chained
from neurarium.nn.inputs import ImageInput
from neurarium.tasks.mask_measures import confusions, measures, rand_error
from neurarium.tasks.segmentation import Segmenter
from neurarium.train.data import Shard
from neurarium.train.descent import Descent

SIZES = ((12, 20), (30, 9), (17, 17), (40, 25), (8, 33))


def scenes(sizes: tuple[tuple[int, int], ...] = SIZES, seed: int = 0) -> Scenes:
    """Pixels tell their mask: 3 v + 20 class, v of 0 to 4."""
    random = np.random.default_rng(seed)
    masks = [random.integers(0, 3, size, dtype=np.uint8) for size in sizes]
    for mask in masks:
        mask[0, 0] = 255
    images = [(20 * np.minimum(mask, 9) + 3 * random.integers(0, 5, mask.shape)).astype(np.uint8) for mask in masks]
    return Scenes(
        [torch.from_numpy(image)[None] for image in images],
        [torch.from_numpy(mask) for mask in masks],
        [f"{i}.png" for i in range(len(sizes))],
    )


def data(augment=None, *, parts=None, weight_map=None, batch_size: int = 4) -> InMemory | Ragged:
    parts = parts or {"train": scenes(), "validation": scenes(((7, 30), (22, 10), (16, 16)), seed=1)}
    return resident(
        parts,
        ("a", "b", "c"),
        values=(0, 1, 2),
        batch_size=batch_size,
        augment=augment,
        weight_map=weight_map,
        name="own",
    )


def test_the_choice_is_by_size() -> None:
    assert isinstance(data(), Ragged)
    same = {"train": scenes(((8, 9),) * 5), "validation": scenes(((8, 9),) * 2, seed=1)}
    assert isinstance(data(parts=same), InMemory)
    same["validation"] = scenes(((9, 9),) * 2, seed=1)
    assert isinstance(data(parts=same), Ragged)


def test_what_is_fitted_is_that_of_all_training_pixels_together() -> None:
    found = data(weight_map=WeightMap())
    train = scenes()
    pixels = np.concatenate([image.numpy().ravel() for image in train.x]) / 255
    labels = np.concatenate([mask.numpy().ravel() for mask in train.mask])
    assert found.spec.fitted["mean"] == [pytest.approx(pixels.mean(), rel=1e-12)]
    assert found.spec.fitted["std"] == [pytest.approx(pixels.std(), rel=1e-12)]
    counts = np.bincount(labels)[:3]
    assert found.spec.fitted["class_weights"] == pytest.approx(counts.sum() / (3 * counts))
    assert found.spec.fitted["class_weights"] == balanced(labels, 3)
    assert found.spec.shape == (1, 40, 33)
    assert found.spec.sizes == {"train": 5, "validation": 3}


def test_every_image_is_shown_once_an_epoch_and_cuts_lie_in_it() -> None:
    source = data(RandomCrop(7), batch_size=1)
    stream = source.stream(None, seed=3, shard=Shard())  # type: ignore[arg-type]
    images = [item[0][0, 0].numpy() for item in source.items("train")]
    for _ in range(4):
        shown = []
        for _ in range(5):
            batch = next(stream)
            windows = [np.lib.stride_tricks.sliding_window_view(image, (7, 7)) for image in images]
            shown += [i for i, w in enumerate(windows) if (w == batch[0][0, 0].numpy()).all((-2, -1)).any()]
            assert torch.equal((batch[0][:, 0] // 20)[batch[1] < 3], batch[1][batch[1] < 3])
        assert sorted(shown) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("margin", [0, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_smaller_than_a_crop_is_filled_up_with_what_nobody_knows(margin: int, weighted: bool) -> None:
    source = data(RandomCrop(20, margin), weight_map=WeightMap() if weighted else None, batch_size=5)
    batch = next(source.stream(None, seed=0, shard=Shard()))  # type: ignore[arg-type]
    assert isinstance(batch, WeightedMasked if weighted else Masked)
    assert batch.x.shape == (5, 1, 20 + 2 * margin, 20 + 2 * margin)
    assert batch.mask.shape == (5, 20, 20)
    inner = batch.x[:, 0, margin : margin + 20, margin : margin + 20]
    known = batch.mask < 3
    assert torch.equal((inner // 20)[known], batch.mask[known])
    sides = sorted(min(size) for size in SIZES)
    shown = sorted(round(float(count) ** 0.5) for count in (batch.mask != 255).flatten(1).sum(1))
    assert all(abs(one - min(20, side)) <= 1 for one, side in zip(shown, sides, strict=True))
    if isinstance(batch, WeightedMasked):
        assert ((batch.weight > 0) == known).all()


def test_filling_is_numpys_reflection() -> None:
    x = torch.randint(0, 256, (1, 2, 5, 4), dtype=torch.uint8)
    batch = fill(Masked(x, x[:, 0]), 12, 9)
    wide = np.pad(x.numpy(), ((0, 0), (0, 0), (3, 4), (2, 3)), mode="reflect")
    assert np.array_equal(batch[0], wide)
    assert np.array_equal(batch[1], np.pad(x[:, 0].numpy(), ((0, 0), (3, 4), (2, 3)), constant_values=255))
    assert fill(batch, 3, 9) is batch


@pytest.mark.parametrize("augment", [None, Chained((ElasticDeformation(3.0), RandomCrop(10, 2), RandomTurn()))])
def test_a_batch_is_a_function_of_seed_and_number_on_any_number_of_ranks(augment) -> None:
    source = data(augment, weight_map=WeightMap())
    alone = source.stream(None, seed=5, shard=Shard())  # type: ignore[arg-type]
    batches = [next(alone) for _ in range(5)]
    assert len({tuple(batch[0].shape) for batch in batches}) == 1
    ranks = [source.stream(None, seed=5, shard=Shard(rank, 2)) for rank in range(2)]  # type: ignore[arg-type]
    for batch in batches:
        for rank, stream in enumerate(ranks):
            for ours, whole in zip(next(stream), batch, strict=True):
                assert torch.equal(ours, whole[rank::2])
    again = source.stream(None, seed=5, shard=Shard())  # type: ignore[arg-type]
    again.restore({"position": 3})
    for field, expected in zip(next(again), batches[3], strict=True):
        assert torch.equal(field, expected)
    assert again.state() == {"position": 4}
    other = next(source.stream(None, seed=6, shard=Shard()))  # type: ignore[arg-type]
    assert not torch.equal(other[0], batches[0][0])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_evaluation_is_of_each_whole_image(padding: str) -> None:
    parts = {split: scenes(SIZES, seed) for seed, split in enumerate(("train", "validation"))}
    for part in parts.values():
        for mask in part.mask:
            mask[mask == 2] = 1  # two classes have a Rand error
    source = resident(parts, ("a", "b"), values=(0, 1), batch_size=2, augment=None, weight_map=None, name="own")
    torch.manual_seed(0)
    task = Segmenter(
        network=UNet(channels=(3, 4), num_classes=2, padding=padding, dropout=0.0),
        inputs=ImageInput(channels=1, size=None, mean=[0.1], std=[0.1]),
        classes=("a", "b"),
        descent=Descent(optimizer=partial(Adam, lr=0.01)),
    ).eval()
    with torch.no_grad():
        found = task.evaluate(source.split("validation", shard=Shard()))
        losses = [task.loss(item)["loss"] for item in source.items("validation")]
    truth = [item[1][0] for item in source.items("validation")]
    given = [task.predict(item[0])[0] for item in source.items("validation")]
    expected = measures(sum(confusions(t, g, 2) for t, g in zip(truth, given, strict=True)))
    expected["rand_error"] = float(np.mean([rand_error(t, g) for t, g in zip(truth, given, strict=True)]))
    expected["loss"] = float(sum(loss.total for loss in losses) / sum(loss.count for loss in losses))
    assert found == pytest.approx({**expected, "items": 5}, rel=1e-5)
    with torch.no_grad():
        shares = [task.evaluate(source.split("validation", shard=Shard(rank, 2)))["items"] for rank in range(2)]
    assert shares == [3, 2]
    assert set(task.pictures(source.split("validation", shard=Shard()))) == {"overlay"}


def test_own_folder_of_several_sizes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for i in range(8):
        size = (10 + i, 20 - i)
        for part, top in (("images", 256), ("masks", 2)):
            (tmp_path / part).mkdir(exist_ok=True)
            Image.fromarray(random.integers(0, top, size, dtype=np.uint8)).save(tmp_path / part / f"{i}.png")
    found = open_segmentation(str(tmp_path), batch_size=3, augment=RandomCrop(8), weight_map=WeightMap())
    assert isinstance(found, Ragged)
    assert found.audit() == []
    for split in found.splits:
        for item, place in zip(found.items(split), found._places[split], strict=True):
            assert np.array_equal(item[0][0, 0], np.asarray(Image.open(place)))
            assert np.array_equal(item[1][0], np.asarray(Image.open(place.replace("images", "masks"))))
    test = Path(found._places["test"][0])
    train = Path(found._places["train"][0])
    for part in ("images", "masks"):
        (tmp_path / part / test.name).write_bytes((tmp_path / part / train.name).read_bytes())
    (twin,) = open_segmentation(str(tmp_path), batch_size=3).audit()
    assert twin.where == str(test)
    assert f"in train too; this one is {train}" in twin.what
