"""FCN: a classifier that labels pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.networks.vgg import VGG
    from neurarium.tasks.segmentation import Segmenter
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class FCN(Recipe):
    """Segmentation by a fully convolutional VGG on random crops.

    neurarium train fcn                                 # the membranes of ISBI 2012
    neurarium train fcn --form 32s                      # without the finer maps
    neurarium train fcn --data nuclei
    neurarium train fcn --data street/ --weights vgg16.pth --lr 1e-4
    """

    name: ClassVar[str] = "fcn"
    family: ClassVar[str] = "segmentation"
    paper: ClassVar[str] = (
        "Long, Shelhamer, Darrell 2015, Fully convolutional networks for semantic segmentation: FCN-8s of VGG-16, "
        "62.2 % mean IU on VOC 2012"
    )
    goal: ClassVar[Goal] = Goal("mean_iou")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("mean_iou", 0.80, knobs=(("data", "nuclei"), ("steps", 500))),)
    tiny: ClassVar[dict[str, Any]] = {"data": "cells", "width": 0.0625, "crop": 32, "batch_size": 4, "steps": 12}

    data: str = "membrane"
    """membrane, nuclei, cells, or a folder with images/ and masks/."""
    form: Literal["8s", "16s", "32s"] = "8s"
    """Stride of the finest scores: 8s adds those of two finer maps, 16s of one, 32s of none."""
    depth: Literal["11", "13", "16", "19"] = "11"
    """Layers with weights of the VGG."""
    batch_norm: bool = True
    """Normalize after each convolution, which the paper has not; it starts from a trained classifier."""
    width: float = 0.25
    """Factor on the number of filters of all layers."""
    small: bool = True
    """One hidden dense layer of 512 x width units on single cells; else two of 4,096 x width on 7 x 7 of them."""
    dropout: float = 0.0
    """Share of units silenced after each hidden dense layer."""
    weights: str = ""
    """Start from a file of published weights of a VGG (.pth or .safetensors), with its depth and all its filters."""
    elastic: float = 0.0
    """Deviation of random displacements, in pixels; 0: no warps."""
    crop: int = 128
    """Side of the squares that are cut from training images, made longer to a multiple of 32."""
    steps: int = 1500
    """Steps of training."""
    batch_size: int = 8
    """Crops of a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""

    def open_data(self) -> Data:
        from neurarium.data.augment_masks import ElasticDeformation, RandomCrop, RandomTurn
        from neurarium.data.segmentation import open_segmentation
        from neurarium.networks.fcn import STRIDE
        from neurarium.nn.augment import Chained

        if self.crop < 1:
            raise UserError(f"--crop must be at least 1, received {self.crop}.")
        warp = (ElasticDeformation(deviation=self.elastic),) if self.elastic else ()
        crop = RandomCrop(-(-self.crop // STRIDE) * STRIDE)
        return open_segmentation(self.data, batch_size=self.batch_size, augment=Chained((*warp, crop, RandomTurn())))

    def task(self, spec: Spec) -> Segmenter:
        from functools import partial

        from torch.optim import AdamW

        from neurarium.networks import fcn
        from neurarium.nn.inputs import ImageInput
        from neurarium.recipes.image_classifier import IMAGENET
        from neurarium.tasks.segmentation import Segmenter
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        channels = spec.shape[0]
        mean, std = spec.fitted["mean"], spec.fitted["std"]
        if self.weights:
            mean, std = IMAGENET if channels == 3 else ((sum(values) / 3,) for values in IMAGENET)
        return Segmenter(
            network=fcn.FCN(self._classifier(channels), num_classes=len(spec.classes), form=self.form),
            inputs=ImageInput(channels=channels, size=None, mean=mean, std=std),
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
                schedule=one_cycle(self.steps),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps

    def _classifier(self, channels: int) -> VGG:
        from neurarium.networks.vgg import VGG
        from neurarium.recipes.image_classifier import read_weights

        if not self.weights:
            return VGG(
                depth=int(self.depth),
                num_classes=1,
                in_channels=channels,
                batch_norm=self.batch_norm,
                small=self.small,
                dropout=self.dropout,
                width=self.width,
            )
        state = read_weights(self.weights)
        try:
            return VGG.from_torchvision(state, num_classes=1, in_channels=channels)
        except (KeyError, ValueError) as error:
            raise UserError(f"--weights {self.weights}: expected those of a VGG; {error}") from None
