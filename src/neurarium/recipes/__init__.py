"""The front door: one file per system, and one explicit dict of all of them. Listing them never loads torch."""

from __future__ import annotations

from neurarium.recipes.ac_gan import ACGAN
from neurarium.recipes.alexnet import AlexNet
from neurarium.recipes.ali import ALI
from neurarium.recipes.autoencoder import Autoencoder
from neurarium.recipes.bayes_by_backprop import BayesByBackprop
from neurarium.recipes.biggan import BigGAN
from neurarium.recipes.char_convnet import CharConvNet
from neurarium.recipes.cifar10_fast import CIFAR10Fast
from neurarium.recipes.colorization_autoencoder import ColorizationAutoencoder
from neurarium.recipes.conditional_gan import ConditionalGAN
from neurarium.recipes.contractive_autoencoder import ContractiveAutoencoder
from neurarium.recipes.conv_autoencoder import ConvAutoencoder
from neurarium.recipes.coupled_gan import CoGAN
from neurarium.recipes.dcgan import DCGAN
from neurarium.recipes.deep_belief_network import DeepBeliefNetwork
from neurarium.recipes.denoising_autoencoder import DenoisingAutoencoder
from neurarium.recipes.densenet import DenseNet
from neurarium.recipes.dqn_chain import DQNChain
from neurarium.recipes.energy_based_gan import EnergyBasedGAN
from neurarium.recipes.fcn import FCN
from neurarium.recipes.gan import GAN
from neurarium.recipes.gan_ring import GANRing
from neurarium.recipes.googlenet import GoogLeNet
from neurarium.recipes.hinge_gan import HingeGAN
from neurarium.recipes.infogan import InfoGAN
from neurarium.recipes.lapgan import LAPGAN
from neurarium.recipes.lenet5 import LeNet5
from neurarium.recipes.linear_regression import LinearRegression
from neurarium.recipes.logistic_regression import LogisticRegression
from neurarium.recipes.lsgan import LSGAN
from neurarium.recipes.mc_dropout import MCDropout
from neurarium.recipes.mixture_density import MixtureDensityNetwork
from neurarium.recipes.mlp import MLP
from neurarium.recipes.nin import NIN
from neurarium.recipes.perceptron import Perceptron
from neurarium.recipes.progressive_gan import Progressive
from neurarium.recipes.rating_autoencoder import RatingAutoencoder
from neurarium.recipes.rbm import RestrictedBoltzmannMachine
from neurarium.recipes.resnet import ResNet, ResNeXt
from neurarium.recipes.resnet_cifar import ResNetCifar
from neurarium.recipes.rnn_parity import RNNParity
from neurarium.recipes.signal_convnet import SignalConvNet
from neurarium.recipes.small_convnet import SmallConvNet
from neurarium.recipes.sparse_autoencoder import SparseAutoencoder
from neurarium.recipes.text_convnet import TextConvNet
from neurarium.recipes.unet import UNet
from neurarium.recipes.vae import VAE, BetaVAE, ConditionalVAE
from neurarium.recipes.vgg import VGG
from neurarium.recipes.vq_vae import VQVAE
from neurarium.recipes.watermark_autoencoder import WatermarkAutoencoder
from neurarium.recipes.wgan import WGAN
from neurarium.recipes.wgan_gp import WGANGP
from neurarium.train.recipe import Recipe

CATALOGUE: dict[str, type[Recipe]] = {
    "perceptron": Perceptron,
    "linear-regression": LinearRegression,
    "logistic-regression": LogisticRegression,
    "mlp": MLP,
    "mixture-density": MixtureDensityNetwork,
    "bayes-by-backprop": BayesByBackprop,
    "mc-dropout": MCDropout,
    "small-convnet": SmallConvNet,
    "lenet5": LeNet5,
    "alexnet": AlexNet,
    "vgg": VGG,
    "nin": NIN,
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    "resnet-cifar": ResNetCifar,
    "resnext": ResNeXt,
    "densenet": DenseNet,
    "cifar10-fast": CIFAR10Fast,
    "char-convnet": CharConvNet,
    "text-convnet": TextConvNet,
    "signal-convnet": SignalConvNet,
    "fcn": FCN,
    "unet": UNet,
    "autoencoder": Autoencoder,
    "vae": VAE,
    "cvae": ConditionalVAE,
    "beta-vae": BetaVAE,
    "vq-vae": VQVAE,
    "sparse-autoencoder": SparseAutoencoder,
    "denoising-autoencoder": DenoisingAutoencoder,
    "contractive-autoencoder": ContractiveAutoencoder,
    "conv-autoencoder": ConvAutoencoder,
    "colorization-autoencoder": ColorizationAutoencoder,
    "watermark-autoencoder": WatermarkAutoencoder,
    "rating-autoencoder": RatingAutoencoder,
    "rnn-parity": RNNParity,
    "rbm": RestrictedBoltzmannMachine,
    "deep-belief-network": DeepBeliefNetwork,
    "gan-ring": GANRing,
    "gan": GAN,
    "dcgan": DCGAN,
    "conditional-gan": ConditionalGAN,
    "ac-gan": ACGAN,
    "infogan": InfoGAN,
    "wgan": WGAN,
    "wgan-gp": WGANGP,
    "lsgan": LSGAN,
    "hinge-gan": HingeGAN,
    "lapgan": LAPGAN,
    "coupled-gan": CoGAN,
    "energy-based-gan": EnergyBasedGAN,
    "ali": ALI,
    "biggan": BigGAN,
    "progressive-gan": Progressive,
    "dqn-chain": DQNChain,
}
