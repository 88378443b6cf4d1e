"""U-Net: the class of every pixel, from few images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.networks.unet import UNet as Network
    from neurarium.tasks.segmentation import Segmenter
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class UNet(Recipe):
    """Segmentation by a U-Net on random crops, warped elastically, with a weight for every pixel.

    neurarium train unet                                # the membranes of ISBI 2012
    neurarium train unet --data nuclei
    neurarium train unet --data street/                 # a folder with images/ and masks/
    neurarium train unet --channels 64 128 256 512 1024 --padding valid --crop 388 --batch-size 1    # the paper's
    """

    name: ClassVar[str] = "unet"
    family: ClassVar[str] = "segmentation"
    paper: ClassVar[str] = (
        "Ronneberger, Fischer, Brox 2015, U-Net: Convolutional networks for biomedical image segmentation"
    )
    goal: ClassVar[Goal] = Goal("mean_iou")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("mean_iou", 0.70),
        Claim("rand_error", 0.20, at="most"),
        Claim("pixel_accuracy", 0.80),
        Claim("mean_iou", 0.70, knobs=(("weight_map", False),)),
        Claim("rand_error", 0.25, at="most", knobs=(("weight_map", False),)),
        Claim("mean_iou", 0.65, knobs=(("elastic", 0.0),)),
        Claim("rand_error", 0.25, at="most", knobs=(("elastic", 0.0),)),
        Claim("mean_iou", 0.80, knobs=(("data", "nuclei"), ("steps", 300))),
    )
    tiny: ClassVar[dict[str, Any]] = {
        "data": "cells",
        "channels": (4, 8),
        "crop": 32,
        "batch_size": 4,
        "steps": 12,
    }

    data: str = "membrane"
    """membrane, nuclei, cells, or a folder with images/ and masks/."""
    channels: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Channels of each level, from the top; the paper has four times as many."""
    padding: Literal["valid", "same"] = "same"
    """valid: the border of the image is mirrored, as in the paper; same: zeros stand around every map."""
    dropout: float = 0.0
    """Share of units silenced after each of the two lowest levels."""
    weight_map: bool = True
    """Weigh pixels: classes alike, and the ground between near objects up to 10 more."""
    elastic: float = 10.0
    """Deviation of the random displacements, in pixels; 0: no warps."""
    crop: int = 128
    """Side of the squares that are cut from training images."""
    steps: int = 800
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
        from neurarium.data.weight_map import WeightMap
        from neurarium.nn.augment import Chained

        network = self._network(in_channels=1, num_classes=2)
        side = network.input_size(self.crop) - 2 * network.margin
        warp = (ElasticDeformation(deviation=self.elastic),) if self.elastic else ()
        return open_segmentation(
            self.data,
            batch_size=self.batch_size,
            augment=Chained((*warp, RandomCrop(side, network.margin), RandomTurn())),
            weight_map=WeightMap() if self.weight_map else None,
        )

    def task(self, spec: Spec) -> Segmenter:
        from functools import partial

        from torch.optim import AdamW

        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.segmentation import Segmenter
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        channels = spec.shape[0]
        return Segmenter(
            network=self._network(in_channels=channels, num_classes=len(spec.classes)),
            inputs=ImageInput(channels=channels, size=None, mean=spec.fitted["mean"], std=spec.fitted["std"]),
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
                schedule=one_cycle(self.steps),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps

    def _network(self, **sizes: int) -> Network:
        from neurarium.networks.unet import UNet as Network

        if self.crop < 1:
            raise UserError(f"--crop must be at least 1, received {self.crop}.")
        try:
            return Network(channels=self.channels, padding=self.padding, dropout=self.dropout, **sizes)
        except ValueError as error:
            raise UserError(str(error)) from None
