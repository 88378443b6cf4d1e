"""What a restricted Boltzmann machine, or a stack of them, shows of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from torch import Tensor

from neurarium.nn.rbm import RBM
from neurarium.plots.gallery import image_grid
from neurarium.plots.reconstructions import reconstruction_gallery
from neurarium.train.task import Figures

if TYPE_CHECKING:
    from neurarium.tasks.binary_images import BinaryImageModel
    from neurarium.tasks.deep_belief_network import DeepBeliefNetwork

SHOWN = 40
"""Images in a picture."""
COLUMNS = 10


def pictures(task: BinaryImageModel | DeepBeliefNetwork, first: RBM, images: Tensor) -> Figures:
    """Samples; binary images over what the task gives back of them; weights of the first units of its first machine."""
    return {
        "samples": image_grid(task.sample(SHOWN).numpy(), columns=COLUMNS),
        "reconstructions": _reconstructions(task, images[:COLUMNS]),
        "weights": _weights(first, task.inputs.shape),
    }


def _reconstructions(task: BinaryImageModel | DeepBeliefNetwork, images: Tensor) -> Figure:
    pixels = task.inputs(images).view(len(images), *task.inputs.shape)
    return reconstruction_gallery({"input": pixels.cpu().numpy(), "output": task.reconstruct(images).numpy()})


def _weights(rbm: RBM, shape: tuple[int, ...]) -> Figure:
    """What the first hidden units read: white pixels speak for them, black ones against."""
    units = rbm.weight.detach()[:, :SHOWN].T.reshape(-1, *shape)
    return image_grid(units.cpu().numpy(), columns=COLUMNS)
