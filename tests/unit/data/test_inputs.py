"""What people hand in for an answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from neurarium.data.inputs import read_inputs
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError

random = np.random.default_rng(0)
GREY = Spec((1, 8, 8), fitted={"kind": "images", "mean": [0.5], "std": [0.2]})
COLOUR = Spec((3, 8, 8), fitted={"kind": "images", "mean": [0.5] * 3, "std": [0.2] * 3})
POINTS = Spec((2,), fitted={"kind": "points", "mean": [0, 0], "std": [1, 1]})


def test_images_of_any_size_and_mode(tmp_path):
    image = Image.fromarray(random.integers(0, 256, (20, 11, 3), dtype=np.uint8))
    image.save(tmp_path / "a.png")
    image.convert("L").resize((8, 8)).save(tmp_path / "b.bmp")
    image.convert("RGBA").save(tmp_path / "c.webp", lossless=True)
    names, x = read_inputs(GREY, [tmp_path / "a.png", str(tmp_path / "b.bmp"), tmp_path / "c.webp"])
    assert names == ["a.png", "b.bmp", "c.webp"]
    assert x.dtype == torch.uint8
    assert x.shape == (3, 1, 8, 8)
    expected = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BILINEAR))
    assert np.array_equal(x[0, 0].numpy(), expected)
    assert np.array_equal(x[1, 0].numpy(), np.asarray(Image.open(tmp_path / "b.bmp")))
    names, x = read_inputs(COLOUR, [tmp_path])
    assert names == ["a.png", "b.bmp", "c.webp"]
    assert x.shape == (3, 3, 8, 8)


@pytest.mark.parametrize(
    ("spec", "shape", "count"),
    [
        (GREY, (8, 8), 1),
        (GREY, (5, 8, 8), 5),
        (GREY, (3, 8, 8), 3),
        (GREY, (1, 8, 8), 1),
        (GREY, (5, 1, 8, 8), 5),
        (GREY, (5, 8, 8, 1), 5),
        (COLOUR, (3, 8, 8), 1),
        (COLOUR, (8, 8, 3), 1),
        (COLOUR, (5, 3, 8, 8), 5),
        (COLOUR, (5, 8, 8, 3), 5),
        (COLOUR, (5, 8, 8), 5),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_arrays_in_any_order_of_axes(tmp_path, spec, shape, count, kind):
    pixels = random.integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", pixels if kind == np.uint8 else (pixels / 255).astype(kind))
    names, x = read_inputs(spec, [tmp_path / "x.npy"])
    assert names == (["x.npy"] if count == 1 else [f"x.npy[{i}]" for i in range(count)])
    assert x.dtype == torch.uint8
    assert x.shape == (count, *spec.shape)
    if spec is GREY:
        assert np.array_equal(x.numpy().ravel(), pixels.ravel())
    elif shape[-1] == 3:
        assert np.array_equal(x.permute(0, 2, 3, 1).numpy().ravel(), pixels.ravel())
    elif 3 in shape:
        assert np.array_equal(x.numpy().ravel(), pixels.ravel())
    else:
        assert np.array_equal(x[:, 1].numpy(), pixels)


def test_points_from_tables_and_arrays(tmp_path):
    (tmp_path / "p.csv").write_text("x,y\n1,2\n-0.5,1e3\n")
    np.save(tmp_path / "p.npy", np.array([3, 4]))
    names, x = read_inputs(POINTS, [tmp_path / "p.csv", tmp_path / "p.npy"])
    assert names == ["p.csv:2", "p.csv:3", "p.npy"]
    assert x.tolist() == [[1, 2], [-0.5, 1000], [3, 4]]
    assert x.dtype == torch.float32


def test_errors(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    np.save(tmp_path / "big.npy", np.full((8, 8), 200.0))
    np.save(tmp_path / "odd.npy", np.zeros((2, 3, 4, 5, 6), dtype=np.uint8))
    np.save(tmp_path / "wide.npy", np.zeros((4, 3)))
    (tmp_path / "no.npy").write_bytes(b"nothing")
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "gap.csv").write_text("a,b\n1,2\n3,\n")
    (tmp_path / "bare.csv").write_text("1,2\n3,4\n")
    np.save(tmp_path / "none.npy", np.zeros((0, 8, 8), dtype=np.uint8))
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    (tmp_path / "two.npz").rename(tmp_path / "two.npy")
    (tmp_path / "empty").mkdir()
    cases = [
        (GREY, [], "at least one file"),
        (GREY, ["nowhere.png"], "found none. Check the path"),
        (GREY, ["bad.png"], "bad.png: expected a whole image"),
        (GREY, ["empty"], "expected images in this folder, found none"),
        (GREY, ["big.npy"], "received float64 between 200 and 200. Scale them to 0..1"),
        (GREY, ["odd.npy"], r"received an array of shape \(2, 3, 4, 5, 6\)"),
        (GREY, ["no.npy"], "expected a NumPy array saved with numpy.save"),
        (POINTS, ["wide.npy"], r"shape \(N, 2\), received float64 of shape \(4, 3\)"),
        (POINTS, ["three.csv"], "expected 2 columns of numbers, found 3: a, b, c"),
        (POINTS, ["gap.csv"], "gap.csv, line 3: expected 2 numbers, found a missing one"),
        (POINTS, ["bare.csv"], "bare.csv, line 1: expected names of columns, such as x,y; found the numbers 1, 2"),
        (GREY, ["none.npy"], r"none.npy: expected one array with items, received one of shape \(0, 8, 8\)"),
        (GREY, ["two.npy"], "two.npy: expected one array with items, received an archive of several"),
        (Spec((2,), fitted={"kind": "tokens"}), ["gap.csv"], "this one learned from tokens"),
    ]
    for spec, files, message in cases:
        with pytest.raises(UserError, match=message):
            read_inputs(spec, [tmp_path / file for file in files])
