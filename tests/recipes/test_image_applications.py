"""What image classifiers are built into: a thousand classes, pages that are read, findings in medical images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.losses.classification import binary_cross_entropy_with_logits
from neurarium.networks.densenet import DenseNet
from neurarium.networks.unet import UNet
from neurarium.nn.inputs import ImageInput
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill, find
from neurarium.recipes.image_classifier import ImageClassifier
from neurarium.tasks.classification import Classifier
from neurarium.tasks.segmentation import Segmenter
from neurarium.train.batches import Labelled
from neurarium.train.data import Spec
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.optimizers import optimizer
from neurarium.train.stepper import Stepper
from tests.oracles.torchvision_models import models

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}
CLASSIFIERS = [name for name in CATALOGUE if issubclass(find(name), ImageClassifier)]


@pytest.mark.catalogue("image-classification")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_of_a_thousand_labels_an_image(name: str) -> None:
    """Every ConvNet of the catalogue takes the 1000 classes of ILSVRC, and says how often its best five are right."""
    kind = find(name)
    spec = Spec(
        shape=(3, 32, 32),
        sizes={"train": 1000, "validation": 50, "test": 50},
        classes=tuple(f"n{number:08d}" for number in range(1000)),
        fitted={"kind": "images", "mean": [0.5] * 3, "std": [0.25] * 3},
    )
    torch.manual_seed(0)
    task: Any = fill(kind, kind.tiny).task(spec).eval()
    assert isinstance(task, Classifier)
    x, y = torch.randint(256, (6, 3, 32, 32), dtype=torch.uint8), torch.arange(6)
    chances = task.probabilities(x)
    assert chances.shape == (6, 1000)
    torch.testing.assert_close(chances.sum(1), torch.ones(6))
    labels = task.predict(x)
    assert labels.shape == (6,)
    assert labels.dtype == torch.int64
    with torch.no_grad():
        measures = task.evaluate([Labelled(x, y)])
    assert set(measures) == {"loss", "accuracy", "top5_accuracy", "items"}
    assert measures["loss"] == pytest.approx(math.log(1000), rel=0.25)


def test_there_are_many_of_them() -> None:
    assert {"alexnet", "vgg", "googlenet", "resnet", "resnext", "densenet", "nin"} <= set(CLASSIFIERS)


# Pages: lines of digits and a photograph.
HEIGHT, WIDTH, CELL = 64, 96, 8
PAPER, TEXT, PICTURE = range(3)


def page(x: Tensor, y: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor, list[str]]:
    """A white page (1, H, W) with black digits, its mask (H, W) of layout, and what the lines say, from the top."""
    paper = torch.full((HEIGHT, WIDTH), 255, dtype=torch.uint8)
    mask = torch.full((HEIGHT, WIDTH), PAPER)
    top, left = random.integers(2, HEIGHT - 26), random.integers(60, WIDTH - 32)
    shades = ndimage.gaussian_filter(random.normal(size=(24, 30)), 1.5)
    shades = (shades - shades.min()) / (shades.max() - shades.min())
    paper[top : top + 24, left : left + 30] = torch.tensor(60 + 150 * shades).to(torch.uint8)
    mask[top : top + 24, left : left + 30] = PICTURE
    lines, row = [], int(random.integers(2, 6))
    while row + CELL < HEIGHT:
        said, column = "", int(random.integers(2, 6))
        for _ in range(random.integers(2, 5)):
            item = int(random.integers(len(x)))
            paper[row : row + CELL, column : column + CELL] = 255 - x[item, 0]
            mask[row : row + CELL, column : column + CELL] = TEXT
            said += str(int(y[item]))
            column += CELL + int(random.integers(3, 6))
        lines.append(said)
        row += CELL + int(random.integers(4, 9))
    return paper[None], mask, lines


def read(paper: Tensor, layout: Tensor, reader: Any) -> list[str]:
    """What stands in the regions of text: each is one character, in lines from the top and from left to right."""
    regions, _ = ndimage.label((layout == TEXT).numpy())
    cells = []
    for rows, columns in ndimage.find_objects(regions):
        if rows.stop - rows.start < 4 or columns.stop - columns.start < 4:
            continue  # too small for a character
        middle = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
        top = int(np.clip(round(middle[0] - CELL / 2), 0, HEIGHT - CELL))
        left = int(np.clip(round(middle[1] - CELL / 2), 0, WIDTH - CELL))
        cells.append((middle, 255 - paper[:, top : top + CELL, left : left + CELL]))
    lines: list[list[tuple[float, Tensor]]] = []
    last = -math.inf
    for (down, right), cell in sorted(cells, key=lambda found: found[0]):
        if down - last > CELL / 2:
            lines.append([])
            last = down
        lines[-1].append((right, cell))
    digits = [torch.stack([cell for _, cell in sorted(line, key=lambda found: found[0])]) for line in lines]
    return ["".join(str(int(label)) for label in reader.predict(line)) for line in digits]


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("document-analysis")
def test_a_page_is_parted_into_text_and_pictures_and_its_text_is_read(tmp_path: Path) -> None:
    """Layout by a U-Net, characters by LeNet-5; neither has seen the digits of the pages that are read.

    Measured: 0.995 of the pixels, 0.94 of the characters.
    """
    reader = api.train("lenet5", data="digits", epochs=15.0, runs=str(tmp_path), **QUIET).load()
    data: Any = open_labelled("digits", batch_size=64)
    seen, held = data.items("train"), data.items("test")
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    segmenter = Segmenter(
        network=UNet(num_classes=3, channels=(8, 16, 32), padding="same", dropout=0.0),
        inputs=ImageInput(channels=1, size=None, mean=[0.8], std=[0.3]),
        classes=("paper", "text", "picture"),
        descent=Descent(optimizer=optimizer("adam", lr=3e-3)),
    )
    stepper = Stepper(segmenter, segmenter, segmenter.descent)
    for _ in range(120):
        pages = [page(*seen, random) for _ in range(4)]
        stepper.update(segmenter.loss, Labelled(torch.stack([p[0] for p in pages]), torch.stack([p[1] for p in pages])))
    segmenter.eval()
    right = characters = 0
    agreement = []
    for _ in range(12):
        paper, mask, lines = page(*held, random)
        layout = segmenter.predict(paper[None])[0]
        agreement.append(float((layout == mask).double().mean()))
        found = read(paper, layout, reader)
        assert len(found) == len(lines)
        for told, said in zip(found, lines, strict=True):
            assert len(told) == len(said)
            right += sum(a == b for a, b in zip(told, said, strict=True))
            characters += len(said)
    assert np.mean(agreement) > 0.98
    assert right / characters > 0.9


# CheXNet: Rajpurkar et al. 2017.
FINDINGS = (
    "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
    "consolidation", "edema", "emphysema", "fibrosis", "pleural thickening", "hernia",
)  # fmt: skip


@pytest.mark.catalogue("medical-image-analysis")
def test_chexnet_is_densenet_121_with_a_probability_for_each_of_14_findings() -> None:
    assert len(FINDINGS) == 14
    with torch.device("meta"):
        network = DenseNet(num_classes=14)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 121
    assert sum(p.numel() for p in network.parameters()) == 7_978_856 - 1_000 * 1_025 + 14 * 1_025
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 14)
    torch.manual_seed(0)
    theirs = models().densenet121(num_classes=5).state_dict()  # weights learned on something else, with another head
    ours = DenseNet.from_torchvision(theirs, num_classes=14)
    assert torch.equal(ours.features.conv0.weight, theirs["features.conv0.weight"])
    assert ours.classifier.weight.shape == (14, 1024)


def xrays(count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Drawn stand-ins (N, 1, 32, 32): a finding is a patch of stripes of its own angle and width, in any place."""
    there = random.random((count, 14)) < 0.2
    down, right = np.mgrid[:32, :32].astype(float)
    images = random.normal(0, 0.2, (count, 1, 32, 32))
    for image, findings in zip(images, there, strict=True):
        for k in np.flatnonzero(findings):
            angle, width = np.pi * (k % 7) / 7, (3.5, 6.0)[k // 7]
            y, x = random.uniform(6, 26, 2)
            window = np.exp(-((down - y) ** 2 + (right - x) ** 2) / 32)
            image[0] += window * np.sin(2 * np.pi / width * (right * np.cos(angle) + down * np.sin(angle)))
    return torch.tensor(images, dtype=torch.float32), torch.tensor(there, dtype=torch.float32)


@pytest.mark.slow
@pytest.mark.catalogue("medical-image-analysis")
def test_several_findings_in_one_image_are_learned_together() -> None:
    """Binary cross-entropy of 14 outputs at once, judged by the area under the curve of each, as in the paper.

    Measured: 0.92 on average, 0.79 for the hardest.
    """
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    x, y = xrays(1000, random)
    network = DenseNet(blocks=(1, 1), growth=12, width=24, num_classes=14, in_channels=1, stem="small")
    stepper = Stepper(network, network, Descent(optimizer=optimizer("adam", lr=8e-3)))
    for _ in range(160):
        batch = torch.randint(len(x), (32,))
        stepper.update(
            lambda b: Mean.of(binary_cross_entropy_with_logits(network(b.x), b.y)), Labelled(x[batch], y[batch])
        )
    network.eval()
    held_x, held_y = xrays(300, random)
    with torch.no_grad():
        chances = network(held_x).sigmoid()
    areas = [roc_auc_score(held_y[:, k], chances[:, k]) for k in range(14)]
    assert min(areas) > 0.7
    assert np.mean(areas) > 0.85
    several = (held_y.sum(1) >= 3).nonzero().flatten()
    told = [set(chances[i].topk(3).indices.tolist()) & set(held_y[i].nonzero().flatten().tolist()) for i in several]
    assert np.mean([len(found) for found in told]) > 2
