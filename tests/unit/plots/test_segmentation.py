"""What the pictures of masks show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from neurarium.data.segmentation import open_segmentation
from neurarium.data.weight_map import WeightMap
from neurarium.plots import style
from neurarium.plots.segmentation import class_colour, labelled, overlays, weight_maps


def drawn(figure, gid: str) -> np.ndarray:
    (image,) = [image for axes in figure.axes for image in axes.images if image.get_gid() == gid]
    return np.asarray(image.get_array())


@pytest.mark.catalogue("segmentation-overlay")
def test_each_class_has_its_colour_over_the_image_and_a_herd_has_one() -> None:
    images = np.full((1, 3, 4, 6), 255, np.uint8)
    truth = np.zeros((1, 4, 6), np.uint8)
    truth[0, 1:3, 0:2] = truth[0, 0, 4:] = 1  # two cows on a meadow
    truth[0, 3, 3] = 255
    given = np.where(truth == 255, 1, truth)
    given[0, 3, 0] = 2
    figure = overlays(images, truth, given, ("meadow", "cow", "fence"))
    shown = drawn(figure, "truth-0")
    for label in (0, 1):
        expected = 0.55 + 0.45 * np.array(to_rgb(style.colour(label)))
        np.testing.assert_allclose(shown[truth[0] == label], np.tile(expected, ((truth == label).sum(), 1)))
    assert shown[3, 3].tolist() == [1, 1, 1]  # nothing is known of it
    assert drawn(figure, "given-0")[3, 3].tolist() == [1, 1, 1]
    errors = drawn(figure, "errors-0")
    np.testing.assert_allclose(errors[3, 0], to_rgb(style.INK))
    assert (errors.reshape(-1, 3) == to_rgb(style.INK)).all(1).sum() == 1
    assert figure.axes[3].get_title("left") == "4.3% of pixels wrong"  # 1 of 23
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["meadow", "cow", "fence"]
    patches = {patch.get_label(): patch.get_facecolor()[:3] for patch in figure.legends[0].get_patches()}
    assert patches["cow"] == to_rgb(style.colour(1))


def test_a_labelled_image_tells_the_share_of_each_class_that_occurs() -> None:
    image = np.full((3, 4, 6), 255, np.uint8)
    given = np.zeros((4, 6), np.uint8)
    given[1:3, 0:3] = 2
    figure = labelled(image, given, ("meadow", "$sky", "cow"))
    shown = drawn(figure, "given")
    for label in (0, 2):
        expected = 0.55 + 0.45 * np.array(to_rgb(style.colour(label)))
        np.testing.assert_allclose(shown[given == label], np.tile(expected, ((given == label).sum(), 1)))
    assert (drawn(figure, "image") == 1).all()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["meadow  75.0%", "cow  25.0%"]
    assert figure.legends[0].get_patches()[1].get_facecolor()[:3] == to_rgb(style.colour(2))
    with pytest.raises(ValueError, match=r"given must have shape \(4, 6\), received \(4, 5\)"):
        labelled(image, given[:, :5], ("meadow", "sky", "cow"))


def test_sixty_four_classes_have_colours_of_their_own() -> None:
    colours = np.array([class_colour(index) for index in range(64)])
    assert [tuple(colour) for colour in colours[:8]] == [to_rgb(colour) for colour in style.COLOURS]
    apart = np.abs(colours[:, None] - colours[None]).max(-1) + np.eye(64)
    assert apart.min() > 0.01
    assert apart[:24, :24].min() > 0.08
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_of_a_large_image_some_rows_and_columns_are_drawn() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 1201, 30), dtype=np.uint8)
    given = (image[0] > 127).astype(np.uint8)
    figure = labelled(image, given, ("dark", "bright"))
    assert drawn(figure, "given").shape == (601, 15, 3)
    share = f"{(1 - given.mean()):.1%}"  # of all pixels
    assert figure.legends[0].get_texts()[0].get_text() == f"dark  {share}"


@pytest.mark.catalogue("weight-map-picture")
def test_weights_are_largest_in_the_gaps_between_touching_cells() -> None:
    batch = open_segmentation("cells", batch_size=4, weight_map=WeightMap()).items("test")
    figure = weight_maps(batch.x[:2].numpy(), batch.weight[:2].numpy())
    for row in range(2):
        shown = drawn(figure, f"weights-{row}")
        np.testing.assert_array_equal(shown, batch.weight[row])
        assert (batch.mask[row].numpy()[shown > 0.9 * shown.max()] == 0).all()
        brightest = np.unravel_index(shown.argmax(), shown.shape)
        around = batch.mask[row].numpy()[tuple(slice(max(0, at - 1), at + 2) for at in brightest)]
        assert (around == 1).sum() >= 4  # cells on both sides
    assert drawn(figure, "image-1").shape == (64, 64, 3)


@pytest.mark.parametrize("draw", [lambda x: overlays(x, x[:, 0], x[:, 0], "ab"), lambda x: weight_maps(x, x[:, 0])])
def test_other_images_are_refused(draw) -> None:
    for wrong in (np.zeros((2, 4, 5, 5), np.uint8), np.zeros((2, 1, 5, 5))):
        with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, 1, H, W\)"):
            draw(wrong)
    with pytest.raises(ValueError, match=r"truth must have shape \(2, 5, 5\), received \(2, 5, 4\)"):
        overlays(np.zeros((2, 1, 5, 5), np.uint8), np.zeros((2, 5, 4)), np.zeros((2, 5, 5)), "ab")
