"""How good are the images that a run makes? Its samples beside real images, in the features of a network that is named.

features = features_of("lenet5-001")            # a classifier of these classes that you trained
print(sample_quality("rbm-001", features))

features = inception_features("pt_inception-2015-12-05-6726825d.pth")   # frechet_distance is then the FID
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurarium.data.memory import InMemory
from neurarium.networks.inception_v3 import InceptionV3, fid_inputs
from neurarium.recipes.image_classifier import read_weights
from neurarium.tasks.generation_measures import frechet_distance, spectral_distance
from neurarium.tasks.neighbours import copied_share, density_coverage, precision_recall
from neurarium.train.data import Data, Spec
from neurarium.train.recipe import UserError
from neurarium.uses.trained import Trained, open_run

Features = Callable[[Tensor], Tensor]
"""From images (N, C, H, W) in 0..1 to features (N, F), on the CPU."""

INCEPTION_FILE = "pt_inception-2015-12-05-6726825d.pth"


def features_of(run: str | Path | Trained, *, runs: str = "runs") -> Features:
    """What the last layer of a trained classifier of images reads. Raises UserError for a run of another kind."""
    trained = open_run(run, runs=runs)
    task: Any = trained.load()
    if not hasattr(task, "embed") or Spec.from_json(trained.run.header["spec"]).fitted.get("kind") != "images":
        raise UserError(f"{trained.run.name} did not learn classes of images, so it has no features. Choose another.")
    embed: Features = task.embed
    return embed


def inception_features(weights: str | Path, *, device: str = "cpu", batch_size: int = 50) -> Features:
    """What the FID of Heusel et al. 2017 compares: 2,048 features of the Inception network, as pytorch-fid reads them.

    weights: path of the file that the project pytorch-fid publishes; nothing is fetched here.
    Pixels are rounded to 8 bits, as in the image files that published figures were measured on. Grey images are
    repeated to three channels. Raises UserError for another file.
    """
    state = read_weights(str(weights))
    try:
        network = InceptionV3.from_pytorch_fid(state)
    except ValueError as error:
        raise UserError(f"{weights}: {error} Fetch {INCEPTION_FILE} of the project pytorch-fid.") from None
    network.eval().requires_grad_(False).to(device)

    def features(images: Tensor) -> Tensor:
        rounded = (255 * images.clamp(0, 1)).round() / 255
        with torch.no_grad():
            return torch.cat([network.embed(fid_inputs(part.to(device))).cpu() for part in rounded.split(batch_size)])

    return features


def sample_quality(
    run: str | Path | Trained,
    features: Features,
    *,
    data: Data | None = None,
    count: int = 1000,
    seed: int = 0,
    runs: str = "runs",
) -> dict[str, dict[str, float]]:
    """Measures of so many samples of a run beside real images: rows "samples" and "training images".

    The latter are as many real images, drawn from the training split and measured as if they were samples: what a
    perfect generator would get. `count` is at most the number of test images. For the measures see
    tasks/generation_measures.py and tasks/neighbours.py; all but spectral_distance, which is of pixels, are of
    `features`. copied is the share of samples that lie nearer to a training image than 99 % of the test images do.
    data: the real images, the run's own if None. Give the grey ones for a run that learned from binary images and makes
    grey ones, for else the drawing of pixels counts as an error of the samples.
    Raises UserError for a run that does not make images, and for fewer than 100 test images.
    """
    trained = open_run(run, runs=runs)
    task: Any = trained.load()
    data = trained.recipe.open_data() if data is None else data
    if not hasattr(task, "sample") or data.spec.fitted.get("kind") != "images" or not isinstance(data, InMemory):
        raise UserError(f"{trained.run.name} does not make images: its system is {trained.recipe.name}.")
    training, test = (_floats(data.items(split)[0]) for split in ("train", "test"))
    count = min(count, len(test), len(training))
    if len(test) < 100:
        raise UserError(f"{trained.run.name} has {len(test)} test images; to say what is copied takes at least 100.")
    draw = torch.Generator().manual_seed(seed)
    some = {name: x[torch.randperm(len(x), generator=draw)[:count]] for name, x in (("a", training), ("b", test))}
    known, held_out, real = features(training), features(test), features(some["b"])
    rows = {"samples": task.sample(count, seed=seed), "training images": some["a"]}
    found = {}
    for name, images in rows.items():
        seen = features(images)
        found[name] = {
            "frechet_distance": frechet_distance(real, seen),
            **precision_recall(real, seen),
            **density_coverage(real, seen),
            "copied": copied_share(seen, known, held_out),
            "spectral_distance": spectral_distance(some["b"], images),
        }
    return found


def _floats(images: Tensor) -> Tensor:
    return images.cpu().float() / 255
