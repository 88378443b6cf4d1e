"""Images with masks: the sets as they lie on disk, and a person's own folders with all that can be wrong in them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurarium.data.masks import Masked, WeightedMasked
from neurarium.data.segmentation import open_segmentation
from neurarium.data.weight_map import WeightMap
from neurarium.train.recipe import UserError

SHAPE = (6, 5)


def save(path: Path, values: np.ndarray, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    if palette:
        image = image.convert("L")
        image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    image.save(path)


def folder(
    root: Path, num: int = 8, values: tuple[int, ...] = (0, 255), palette: bool = False, grey: bool = True
) -> Path:
    random = np.random.default_rng(0)
    for i in range(num):
        save(root / "images" / f"{i}.png", random.integers(0, 256, SHAPE if grey else (*SHAPE, 3)))
        mask = random.choice(values, SHAPE)
        mask[0, : len(values)] = values
        save(root / "masks" / f"{i}.png", mask, palette)
    return root


def opened(root: Path, **settings):
    return open_segmentation(str(root), batch_size=4, **settings)


def errors(root: Path) -> list[str]:
    with pytest.raises(UserError) as caught:
        opened(root)
    return str(caught.value).splitlines()


@pytest.mark.catalogue("semantic-segmentation")
def test_every_pixel_has_a_label_from_a_fixed_set_and_instances_have_none() -> None:
    data = open_segmentation("cells", batch_size=4)
    assert data.spec.classes == ("ground", "cell")
    for split in data.splits:
        x, mask = data.items(split)
        assert mask.shape == (len(x), *x.shape[2:])
        assert set(mask.unique().tolist()) == {0, 1}  # many cells, one number
    assert [finding for finding in data.audit() if finding.severity != "note"] == []


def test_slices_of_the_membranes_are_held_out_from_the_end(data_home: Path) -> None:
    data = open_segmentation("membrane", batch_size=2)
    assert dict(data.spec.sizes) == {"train": 20, "validation": 5, "test": 5}
    assert data.spec.shape == (1, 512, 512)
    for split, index, number in (("train", 19, 19), ("validation", 0, 20), ("test", 4, 29)):
        x, mask = data.items(split)
        image = np.array(Image.open(data_home / "isbi2012-membrane" / "image" / f"{number}.png"))
        label = np.array(Image.open(data_home / "isbi2012-membrane" / "label" / f"{number}.png"))
        np.testing.assert_array_equal(x[index, 0], image)
        np.testing.assert_array_equal(mask[index] * 255, label)
    assert data.audit() == []


@pytest.mark.catalogue("biomedical-segmentation")
def test_nuclei_are_joined_and_keep_a_line_where_they_touch(data_home: Path) -> None:
    data = open_segmentation("nuclei", batch_size=2, weight_map=WeightMap())
    assert dict(data.spec.sizes) == {"train": 70, "validation": 15, "test": 15}
    assert data.spec.shape == (1, 256, 256)
    with tarfile.open(data_home / "dsb2018-nuclei" / "stage1_train-subset.tar.gz") as archive:
        identity = sorted({name.split("/")[1] for name in archive.getnames()})[1]
        masks = [
            np.array(Image.open(io.BytesIO(archive.extractfile(name).read()))) > 0  # type: ignore[union-attr]
            for name in archive.getnames()
            if identity in name and "/masks/" in name
        ]
    batch = data.items("train")
    assert isinstance(batch, WeightedMasked)
    joined, mask = np.any(masks, axis=0), batch.mask[1].numpy() > 0
    assert not (mask & ~joined).any()
    lost = joined & ~mask
    assert lost.sum() < 0.1 * joined.sum()
    near = [np.pad(one, 1)[r : r + 256, c : c + 256] for one in masks for r in range(3) for c in range(3)]
    touching = np.sum([np.any(near[9 * i : 9 * i + 9], axis=0) for i in range(len(masks))], axis=0) > 1
    assert touching[lost].all()  # another nucleus is beside every pixel that was taken
    assert float(batch.weight.min()) > 0


def test_weights_come_with_the_batches_only_where_they_are_asked_for() -> None:
    plain = open_segmentation("cells", batch_size=4)
    weighted = open_segmentation("cells", batch_size=4, weight_map=WeightMap())
    assert isinstance(plain.items("train"), Masked)
    batch = weighted.items("test")
    assert isinstance(batch, WeightedMasked)
    assert batch.weight.dtype == torch.float32
    assert batch.weight.shape == batch.mask.shape
    ground = weighted.spec.fitted["class_weights"][0]
    assert float(batch.weight[batch.mask == 0].max()) > ground + 5  # of at most w_0 = 10


def test_cells_come_from_the_seed_alone() -> None:
    one, again, other = (open_segmentation("cells", batch_size=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.items("test").x, again.items("test").x)
    assert not torch.equal(one.items("test").x, other.items("test").x)
    assert not torch.equal(one.items("validation").x, one.items("test").x)


@pytest.mark.catalogue("scene-labelling")
@pytest.mark.parametrize("palette", [False, True])
def test_own_folder_of_colour_scenes(tmp_path: Path, palette: bool) -> None:
    """The values 3, 7 and 10 become classes 0, 1 and 2, under colours or in grey."""
    data = opened(folder(tmp_path, num=20, values=(3, 7, 10), palette=palette, grey=False))
    assert data.spec.classes == ("3", "7", "10")
    assert data.spec.shape == (3, *SHAPE)
    assert dict(data.spec.sizes) == {"train": 14, "validation": 3, "test": 3}
    seen = set()
    for split in data.splits:
        x, mask = data.items(split)
        for image, labels, place in zip(x, mask, data._places[split], strict=True):
            seen.add(place)
            np.testing.assert_array_equal(image.permute(1, 2, 0), np.array(Image.open(place)))
            raw = np.array(Image.open(place.replace("images", "masks")))
            np.testing.assert_array_equal(np.array([3, 7, 10])[labels], raw)
    assert len(seen) == 20


def test_of_255_in_a_palette_nothing_is_known_and_in_grey_it_is_a_class(tmp_path: Path) -> None:
    void = opened(folder(tmp_path / "a", values=(0, 1, 255), palette=True))
    assert void.spec.classes == ("0", "1")
    assert set(void.items("train").mask.unique().tolist()) == {0, 1, 255}
    (note,) = [finding for finding in void.audit() if finding.severity == "note"]
    assert "of the training pixels are of no known class" in note.what
    black_and_white = opened(folder(tmp_path / "b", values=(0, 255)))
    assert black_and_white.spec.classes == ("0", "255")
    assert set(black_and_white.items("train").mask.unique().tolist()) == {0, 1}


def test_names_of_classes(tmp_path: Path) -> None:
    root = folder(tmp_path, values=(0, 4, 255))
    (root / "classes.txt").write_text("4 cow\n0 meadow and sky\n9 fence\n")
    data = opened(root)
    assert data.spec.classes == ("meadow and sky", "cow", "fence")
    assert set(data.items("train").mask.unique().tolist()) == {0, 1, 255}
    assert "no training pixel of 'fence'" in str(data.audit()[0])
    (root / "classes.txt").write_text("0 meadow\ncow 4\n")
    assert errors(root) == [
        f"{root / 'classes.txt'}, line 2: expected \"VALUE NAME\", each value once, received 'cow 4'."
    ]


def test_every_faulty_file_is_named_in_one_message_each(tmp_path: Path) -> None:
    root = folder(tmp_path)
    save(root / "masks" / "1.png", np.zeros((5, 6)))
    (root / "masks" / "2.png").write_bytes(b"no image")
    save(root / "masks" / "3.png", np.zeros((*SHAPE, 3)))
    Image.fromarray(np.zeros(SHAPE, np.uint16)).save(root / "masks" / "4.png")
    found = errors(root)
    masks = root / "masks"
    assert found[0] == f"{masks / '1.png'}: expected a mask of 6 x 5 pixels as 1.png has, found 5 x 6. Make them alike."
    assert found[1].startswith(f"{masks / '2.png'}: expected a whole image, and decoding failed")
    assert found[2].startswith(f"{masks / '3.png'}: expected a mask with a palette or in grey")
    assert "mode RGB" in found[2]
    assert found[3].startswith(f"{masks / '4.png'}: expected a mask with a palette or in grey")
    assert len(found) == 4


def test_labels_outside_the_map(tmp_path: Path) -> None:
    root = folder(tmp_path, values=(0, 1))
    (root / "classes.txt").write_text("0 road\n1 car\n")
    save(root / "masks" / "5.png", np.full(SHAPE, 17))
    assert errors(root) == [
        f"{root / 'masks' / '5.png'}: expected the values 0, 1 of {root / 'classes.txt'}, found 17. "
        "Correct the mask, or name the class."
    ]


def test_missing_and_broken_files(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "masks" / "1.png").unlink()
    (root / "masks" / "6.png").unlink()
    found = errors(root)
    assert [line.split(":")[0] for line in found] == [str(root / "images" / f"{i}.png") for i in (1, 6)]
    assert all(line.endswith("found none. Add it, or remove the image.") for line in found)
    save(root / "masks" / "1.png", np.arange(30).reshape(SHAPE) % 2 * 255)
    (root / "images" / "6.png").unlink()
    save(root / "masks" / "alone.png", np.zeros(SHAPE))
    assert "alone.png: a mask without an image" in str(opened(root).audit()[0])
    whole = (root / "images" / "2.png").read_bytes()
    (root / "images" / "2.png").write_bytes(whole[:50])
    (line,) = errors(root)
    assert line.startswith(f"{root / 'images' / '2.png'}: expected a whole image")


def test_other_faults_of_a_folder(tmp_path: Path) -> None:
    (one,) = errors(tmp_path)
    assert one == f"{tmp_path}: expected the folders images and masks, found no images. Make it."
    root = folder(tmp_path / "few", num=3)
    assert errors(root) == [f"{root / 'images'}: expected at least 4 images, found 3. Add some."]
    root = folder(tmp_path / "sizes")
    save(root / "images" / "4.png", np.zeros((7, 5)))
    assert "4.png: expected a mask of 7 x 5 pixels as 4.png has, found 6 x 5. Make them alike." in errors(root)[0]
    root = folder(tmp_path / "flat", values=(9,))
    assert "expected at least two classes, found the value 9 alone" in errors(root)[0]
    root = folder(tmp_path / "photo", num=8)
    random = np.random.default_rng(0)
    for i in range(8):
        save(root / "masks" / f"{i}.png", random.integers(0, 256, SHAPE))
    assert "expected at most 64 distinct values, one for each class, found" in errors(root)[0]
    with pytest.raises(UserError, match=r"'membrain' is neither, .* Did you mean 'membrane'\?"):
        open_segmentation("membrain", batch_size=2)


def test_sets_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURARIUM_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"image/0.png to 29.png, .* NEURARIUM_DATA to the folder that holds isbi2012"):
        open_segmentation("membrane", batch_size=2)
    with pytest.raises(UserError, match=r"stage1_train-subset.tar.gz: expected the archive .* cannot be read"):
        open_segmentation("nuclei", batch_size=2)
    path = tmp_path / "dsb2018-nuclei" / "stage1_train-subset.tar.gz"
    path.parent.mkdir()
    path.write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"cannot be read"):
        open_segmentation("nuclei", batch_size=2)
