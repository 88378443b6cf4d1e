"""VQ-VAE: discrete codes from a learned codebook, and a prior over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.vq_vae import VectorQuantisedVAE
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class VQVAE(Recipe):
    """An image as a small grid of words from a codebook; a recurrent prior writes new ones.

    neurarium train vq-vae                               # digits inside scikit-learn
    neurarium train vq-vae --data mnist --channels 16 32 64
    neurarium train vq-vae --data cifar10 --binarisation none --num-codes 512
    """

    name: ClassVar[str] = "vq-vae"
    family: ClassVar[str] = "autoencoders"
    paper: ClassVar[str] = "van den Oord, Vinyals, Kavukcuoglu 2017, Neural discrete representation learning"
    goal: ClassVar[Goal] = Goal("negative_elbo", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("negative_elbo", 28.5, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "channels": (4, 8), "num_codes": 8, "hidden_size": 8}

    data: str = "digits"
    """digits, mnist, fashion-mnist, faces, shapes, cifar10, or a folder of images."""
    binarisation: Literal["static", "dynamic", "none"] = "static"
    """Pixels of 0 and 1 drawn once, or for each step anew; or grey values with Gaussian noise."""
    std: float = 0.0
    """Of that noise, with values from 0 to 1; 0: learned."""
    image_size: int = 0
    """Height and width to which images are resized; 0: their own."""
    channels: tuple[int, ...] = (16, 32)
    """After each halving of height and width."""
    num_codes: int = 64
    """Entries of the codebook."""
    code_size: int = 16
    """Numbers of an entry."""
    beta: float = 0.25
    """Weight of the commitment."""
    hidden_size: int = 128
    """Of the prior's recurrent layer."""
    epochs: float = 0.0
    """Passes over the training data; 0: 20, or as many as give 2,000 steps on a small set."""
    batch_size: int = 128
    """Items of a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule, for the model and the prior."""

    def open_data(self) -> Data:
        from neurarium.data.binarised import open_binarised

        return open_binarised(
            self.data, self.binarisation, batch_size=self.batch_size, image_size=self.image_size or None
        )

    def task(self, spec: Spec) -> VectorQuantisedVAE:
        from functools import partial

        from torch.optim import AdamW

        from neurarium.networks.vq_vae import Codebook, CodePrior, QuantisedDecoder, QuantisedEncoder
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.pixels import BernoulliPixels, GaussianPixels
        from neurarium.tasks.vq_vae import VectorQuantisedVAE
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        if len(spec.shape) != 3:
            raise UserError(f"vq-vae reads images, and {self.data} are none. Use autoencoder for points or tables.")
        grey = self.binarisation == "none"
        if self.std and not grey:
            raise UserError("--std is of grey values, and binary pixels have none. Use it with --binarisation none.")
        channels, height, width = spec.shape
        sizes: dict[str, Any] = {
            "size": (height, width),
            "in_channels": channels,
            "channels": self.channels,
            "code_size": self.code_size,
        }
        descent = Descent(
            optimizer=partial(AdamW, lr=self.lr, weight_decay=0.0), schedule=one_cycle(self.num_steps(spec))
        )
        halved = 2 ** len(self.channels)
        return VectorQuantisedVAE(
            encoder=QuantisedEncoder(**sizes),
            codebook=Codebook(num_codes=self.num_codes, code_size=self.code_size),
            decoder=QuantisedDecoder(**sizes),
            prior=CodePrior(num_codes=self.num_codes, hidden_size=self.hidden_size),
            inputs=ImageInput(channels=channels, size=(height, width), mean=[0.0] * channels, std=[1.0] * channels),
            pixels=GaussianPixels(std=self.std or None) if grey else BernoulliPixels(),
            grid=(-(-height // halved), -(-width // halved)),
            descents={"model": descent, "prior": descent},
            beta=self.beta,
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(2000, spec.steps(20, self.batch_size))
