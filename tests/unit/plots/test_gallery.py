import numpy as np
import pytest

from neurarium.plots.gallery import error_gallery, image_grid

DIGITS = list("0123456789")
IMAGES = np.random.default_rng(0).integers(0, 256, size=(6, 5, 4), dtype=np.uint8)


def titles(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def pictures(figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def test_errors_are_titled_true_given_in_their_order() -> None:
    # The first three errors of LeNet-5 in LeCun et al. 1998, figure 8, among digits that were read rightly.
    figure = error_gallery(IMAGES, [4, 0, 3, 7, 8, 1], [6, 0, 5, 7, 2, 1], DIGITS)
    assert titles(figure) == ["4->6", "3->5", "8->2"]
    assert figure.axes[0].get_title("left") == "3 errors of 6"
    for picture, index in zip(pictures(figure), (0, 2, 4), strict=True):
        np.testing.assert_allclose(picture, np.repeat(IMAGES[index, :, :, None] / 255, 3, axis=2))


def test_at_most_so_many_are_shown_and_all_are_counted() -> None:
    figure = error_gallery(IMAGES, np.zeros(6, int), np.ones(6, int), DIGITS, max_items=4)
    assert titles(figure) == ["0->1"] * 4
    assert figure.axes[0].get_title("left") == "6 errors of 6, the first 4"


def test_long_names_take_two_lines() -> None:
    assert titles(error_gallery(IMAGES[:1], [0], [1], ["ankle boot", "pullover"])) == ["ankle boot\n->pullover"]


def test_no_errors_are_said_to_be_none() -> None:
    figure = error_gallery(IMAGES, np.arange(6), np.arange(6), DIGITS)
    assert figure.axes[0].get_title("left") == "No errors among 6 images"
    assert pictures(figure) == []


def test_pictures_run_in_rows_and_do_not_overlap() -> None:
    figure = image_grid(IMAGES, [str(i) for i in range(6)], columns=4)
    boxes = [image.get_extent() for image in figure.axes[0].images]  # left, right, bottom, top; y runs down
    tops, lefts = [box[3] for box in boxes], [box[0] for box in boxes]
    assert len(set(tops)) == 2
    assert tops == sorted(tops)
    assert tops.count(tops[0]) == 4
    assert lefts[:4] == sorted(set(lefts[:4]))
    assert lefts[4:] == lefts[:2]
    assert all(boxes[i][1] < boxes[i + 1][0] for i in range(3))
    assert boxes[0][2] < boxes[4][3]
    assert {round((bottom - top) / (right - left), 6) for left, right, bottom, top in boxes} == {5 / 4}


def test_floats_are_stretched_from_black_to_white_and_colours_keep_their_channels() -> None:
    image = np.array([[-2.0, 0.0], [1.0, 2.0]])
    (picture,) = pictures(image_grid(image[None, None]))
    np.testing.assert_allclose(picture[..., 0], [[0, 0.5], [0.75, 1]])
    colours = np.zeros((1, 3, 1, 1), np.uint8)
    colours[0, 2] = 255
    assert pictures(image_grid(colours))[0].tolist() == [[[0.0, 0.0, 1.0]]]


def test_flat_and_broken_floats_stay_drawable() -> None:
    (picture,) = pictures(image_grid(np.full((1, 2, 2), 7.0)))
    assert (picture == 0).all()
    broken = np.array([[[np.nan, 0.0], [np.inf, 2.0]]])
    assert pictures(image_grid(broken))[0][..., 0].tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_titles_are_no_formulas() -> None:
    image_grid(IMAGES[:2], ["$5", r"$\frac$"], heading="$").draw_without_rendering()


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 4, 4), (1, 1, 3, 4, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(N, H, W\), .* received"):
        image_grid(np.zeros(shape))


def test_titles_and_labels_must_fit_the_images() -> None:
    with pytest.raises(ValueError, match="one title for each image, received 1 for 6"):
        image_grid(IMAGES, ["one"])
    with pytest.raises(ValueError, match=r"given must have shape \(6\), received \(5,\)"):
        error_gallery(IMAGES, np.zeros(6, int), np.zeros(5, int), DIGITS)
