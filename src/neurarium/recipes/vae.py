"""Variational autoencoders of images: the plain one, that of Sohn et al. with classes, and beta-VAE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.vae import VariationalAutoencoder
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class VAE(Recipe):
    """A code that is a distribution, pulled to a standard normal, so that drawing codes gives new images.

    neurarium train vae                                  # digits inside scikit-learn
    neurarium train vae --data mnist
    neurarium train vae --data mnist --latent-size 2     # a map of the digits
    neurarium train vae --data faces --image-size 32 --binarisation none
    """

    name: ClassVar[str] = "vae"
    family: ClassVar[str] = "autoencoders"
    paper: ClassVar[str] = "Kingma, Welling 2014, Auto-encoding variational Bayes"
    goal: ClassVar[Goal] = Goal("negative_elbo", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("negative_elbo", 100.0, at="most", knobs=(("data", "mnist"), ("epochs", 25.0)), seconds=600.0),
    )
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden": (32,), "latent_size": 2}
    conditional: ClassVar[bool] = False

    data: str = "digits"
    """digits, mnist, fashion-mnist, faces, shapes, or a folder of images."""
    binarisation: Literal["static", "dynamic", "none"] = "static"
    """Pixels of 0 and 1 drawn once, or for each step anew; or grey values with Gaussian noise."""
    std: float = 0.0
    """Of that noise, with values from 0 to 1; 0: learned."""
    image_size: int = 0
    """Height and width to which images are resized; 0: their own."""
    form: Literal["dense", "conv"] = "dense"
    """Dense layers, or convolutions of stride 2."""
    hidden: tuple[int, ...] = ()
    """Widths of the encoder's hidden layers, or its channels after each halving; (): 400 twice, or 32 and 64."""
    latent_size: int = 20
    """Numbers of a code; 2 are drawn as a map."""
    beta: float = 1.0
    """Weight of the divergence while it learns; 1 gives a bound on the likelihood, 0 a plain autoencoder."""
    epochs: float = 0.0
    """Passes over the training data; 0: 20, or as many as give 2,000 steps on a small set."""
    batch_size: int = 128
    """Items of a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""

    def open_data(self) -> Data:
        from neurarium.data.binarised import open_binarised

        return open_binarised(
            self.data, self.binarisation, batch_size=self.batch_size, image_size=self.image_size or None
        )

    def task(self, spec: Spec) -> VariationalAutoencoder:
        from functools import partial

        from torch.optim import AdamW

        from neurarium.networks import vae
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.pixels import BernoulliPixels, GaussianPixels
        from neurarium.tasks.vae import VariationalAutoencoder
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        if len(spec.shape) != 3:
            raise UserError(
                f"{self.name} reads images, and {self.data} is none. Use autoencoder for points and tables."
            )
        grey = self.binarisation == "none"
        if self.std and not grey:
            raise UserError("--std is of grey values, and binary pixels have none. Use it with --binarisation none.")
        sizes: dict[str, Any] = {
            "shape": spec.shape,
            "hidden": self.hidden or ((400, 400) if self.form == "dense" else (32, 64)),
            "latent_size": self.latent_size,
            "condition_size": len(spec.classes) if self.conditional else 0,
        }
        channels = spec.shape[0]
        encoder, decoder = {
            "dense": (vae.DenseEncoder, vae.DenseDecoder),
            "conv": (vae.ConvCodeEncoder, vae.ConvCodeDecoder),
        }[self.form]
        return VariationalAutoencoder(
            encoder=encoder(**sizes),
            decoder=decoder(**sizes),
            inputs=ImageInput(channels=channels, size=spec.shape[1:], mean=[0.0] * channels, std=[1.0] * channels),
            pixels=GaussianPixels(std=self.std or None) if grey else BernoulliPixels(),
            latent_size=self.latent_size,
            beta=self.beta,
            classes=spec.classes,
            conditional=self.conditional,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=0.0),
                schedule=one_cycle(self.num_steps(spec)),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(2000, spec.steps(20, self.batch_size))


@dataclass(frozen=True, kw_only=True)
class ConditionalVAE(VAE):
    """The class is told to encoder and decoder, so that the code is left with the style and the class can be asked for.

    neurarium train cvae                                 # digits inside scikit-learn
    neurarium train cvae --data mnist
    """

    name: ClassVar[str] = "cvae"
    paper: ClassVar[str] = (
        "Sohn, Lee, Yan 2015, Learning structured output representation using deep conditional generative models"
    )
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("negative_elbo", 98.0, at="most", knobs=(("data", "mnist"), ("epochs", 10.0))),
    )
    conditional: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class BetaVAE(VAE):
    """A divergence that counts more than once: codes tell less, and each number of them about one factor.

    neurarium train beta-vae                             # drawn shapes with five known factors
    neurarium train beta-vae --beta 1
    neurarium train beta-vae --data faces --binarisation none --std 0.1 --beta 250
    """

    name: ClassVar[str] = "beta-vae"
    paper: ClassVar[str] = (
        "Higgins et al. 2017, beta-VAE: learning basic visual concepts with a constrained variational framework"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()
    goal: ClassVar[Goal] = Goal("loss", best="min")
    tiny: ClassVar[dict[str, Any]] = {
        "epochs": 1.0,
        "data": "digits",
        "image_size": 0,
        "form": "conv",
        "hidden": (4, 8),
        "latent_size": 2,
    }

    data: str = "shapes"
    """shapes, faces, digits, mnist, fashion-mnist, or a folder of images."""
    image_size: int = 32
    """Height and width to which images are resized; 0: their own."""
    latent_size: int = 10
    """Numbers of a code."""
    beta: float = 4.0
    """Weight of the divergence while it learns."""
