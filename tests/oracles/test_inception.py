"""Our Inception features and Frechet distance beside those of pytorch-fid, with copied weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurarium.cli.made import write_images
from neurarium.networks.inception_v3 import InceptionV3, fid_inputs
from neurarium.tasks.generation_measures import frechet_distance
from neurarium.train.recipe import UserError
from neurarium.uses.sample_quality import inception_features
from tests.oracles.torchvision_models import models


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Weights that keep the size of what passes, and statistics as training leaves them."""
    torch.manual_seed(0)
    network = InceptionV3()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    for name, values in network.Mixed_7c.state_dict().items():  # so that distances are some hundreds, as real ones are
        if name.endswith(("bn.weight", "bn.bias")):
            values.mul_(0.1)
    return dict(network.state_dict())


@pytest.fixture(scope="module")
def weights(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(state, file)
    return file


@pytest.fixture(scope="module")
def judge(weights: Path) -> Any:
    """pytorch-fid's network; what would fetch its weights reads our file."""
    models()
    inception = pytest.importorskip("pytorch_fid.inception")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *_args, **_settings: torch.load(weights))
        return inception.InceptionV3().eval()


def photographs(count: int, channels: int = 3, *, height: int = 40, width: int = 52) -> Tensor:
    """Images of 8 bits in 0..1 that are smooth in parts and differ in contrast."""
    noise = torch.rand(count, channels, height // 4, width // 4, generator=torch.Generator().manual_seed(count))
    smooth = nn.functional.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)
    contrast = torch.linspace(0.3, 1, count)[:, None, None, None]
    return (255 * contrast * smooth).round() / 255


def statistics(features: Tensor) -> tuple[Any, Any]:
    return features.mean(0).numpy(), np.cov(features.numpy(), rowvar=False)


def by_nuclear_norm(real: Tensor, fake: Tensor) -> float:
    """The distance without any root of a matrix: of C = A^T A and C' = B^T B the trace of (C C')^(1/2) is the sum of
    the singular values of A B^T."""
    a, b = ((x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (real, fake))
    apart = (real.mean(0) - fake.mean(0)).square().sum()
    return float(apart + a.square().sum() + b.square().sum() - 2 * torch.linalg.svdvals(a @ b.T).sum())


@pytest.mark.parametrize("height", [40, 400], ids=["smaller", "larger"])
def test_features_are_those_of_pytorch_fid(judge: Any, weights: Path, height: int) -> None:
    images = photographs(4, height=height, width=height + 12)
    with torch.no_grad():
        expected = judge(images)[0].flatten(1)
    found = inception_features(weights, batch_size=3)(images)
    assert found.shape == (4, 2048)
    assert expected.std(0).mean() > 0.1 * expected.mean()  # images differ, so that equal features say something
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.filterwarnings("ignore:The `disp` argument is deprecated:DeprecationWarning")
def test_distance_of_samples_is_what_pytorch_fid_says_of_their_files(judge: Any, weights: Path, tmp_path: Path) -> None:
    """Grey samples that are not of 8 bits yet, beside real images in colour. The root of a matrix of 2,048 rows takes
    pytorch-fid 12 seconds; the distances compared are of 256 sums of eight features."""
    fid_score = pytest.importorskip("pytorch_fid.fid_score")
    generator = torch.Generator().manual_seed(0)
    sets = {"real": photographs(6), "samples": torch.rand(6, 1, 28, 28, generator=generator)}
    mix = torch.eye(256).double().repeat(8, 1) / 8**0.5
    features = inception_features(weights)
    ours, theirs = [], []
    for name, images in sets.items():
        files = write_images(str(tmp_path / name), [f"{i}" for i in range(6)], images)
        mean, cov = fid_score.calculate_activation_statistics(files, judge, batch_size=3, num_workers=0)
        theirs.append((mix.T.numpy() @ mean, mix.T.numpy() @ cov @ mix.numpy()))
        ours.append(features(images).double())
    expected = fid_score.calculate_frechet_distance(*theirs[0], *theirs[1])
    assert 10 < expected < 1000
    assert frechet_distance(ours[0] @ mix, ours[1] @ mix) == pytest.approx(expected, abs=1e-3)
    assert frechet_distance(*ours) == pytest.approx(by_nuclear_norm(*ours), abs=1e-3)


@pytest.mark.filterwarnings("ignore:The `disp` argument is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("items", "tolerance"), [(600, 1e-9), (50, 1e-5), (8, 1e-5)])
def test_distance_is_that_of_pytorch_fid(items: int, tolerance: float) -> None:
    """Of 256 features: with 50 or 8 items the covariances are singular."""
    models()
    fid_score = pytest.importorskip("pytorch_fid.fid_score")
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, items, 256, generator=generator, dtype=torch.float64).square() * 2
    fake = 1.1 * fake + 0.05
    expected = fid_score.calculate_frechet_distance(*statistics(real), *statistics(fake))
    assert frechet_distance(real, fake) == pytest.approx(expected, abs=tolerance)
    assert frechet_distance(real, fake) == pytest.approx(by_nuclear_norm(real, fake), abs=max(tolerance, 1e-9))


def test_maps_have_the_sizes_of_table_1() -> None:
    """Szegedy et al. 2016. The parameters are those of Keras's InceptionV3 without its top, 21,802,784, which
    counts two statistics for each normalised map where we have a scale."""
    with torch.device("meta"):
        network = InceptionV3()
        x = torch.empty(1, 3, 299, 299)
    sizes: dict[str, tuple[int, ...]] = {}
    for name, part in network.eval().named_children():
        sizes[name] = (*x.shape[2:3], x.shape[1])
        x = part(x)
    assert x.shape == (1, 1008)
    table = {
        "Conv2d_1a_3x3": (299, 3), "Conv2d_2a_3x3": (149, 32), "Conv2d_2b_3x3": (147, 32), "maxpool1": (147, 64),
        "Conv2d_3b_1x1": (73, 64), "Conv2d_4a_3x3": (73, 80), "Mixed_5b": (35, 192), "Mixed_6a": (35, 288),
        "Mixed_6b": (17, 768), "Mixed_7b": (8, 1280), "avgpool": (8, 2048),
    }  # fmt: skip
    assert {name: sizes[name] for name in table} == table
    parameters = sum(values.numel() for name, values in network.named_parameters() if not name.startswith("fc."))
    maps = sum(module.num_features for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    assert parameters == 21_785_568
    assert parameters - maps + 2 * maps == 21_802_784


def test_images_become_what_the_network_was_trained_on() -> None:
    grey = photographs(2, 1)
    x = fid_inputs(grey)
    assert x.shape == (2, 3, 299, 299)
    assert torch.equal(x, fid_inputs(grey.expand(-1, 3, -1, -1)))
    torch.testing.assert_close(fid_inputs(torch.full((1, 3, 5, 9), 0.25)), torch.full((1, 3, 299, 299), -0.5))
    with pytest.raises(ValueError, match=r"received \(2, 4, 8, 8\)"):
        fid_inputs(torch.rand(2, 4, 8, 8))


def test_another_file_is_refused_in_one_sentence(state: dict[str, Tensor], tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    changed = {**state, "AuxLogits.fc.bias": torch.zeros(1000), "fc.bias": torch.zeros(1000)}
    del changed["Mixed_7c.branch3x3dbl_3b.conv.weight"]
    torch.save(changed, file)
    with pytest.raises(UserError) as refusal:
        inception_features(file)
    assert str(refusal.value) == (
        f"{file}: The weights are not those of this InceptionV3: missing Mixed_7c.branch3x3dbl_3b.conv.weight, "
        "left over AuxLogits.fc.bias, of another shape fc.bias. "
        "Fetch pt_inception-2015-12-05-6726825d.pth of the project pytorch-fid."
    )
    with pytest.raises(ValueError, match=r"of another shape Conv2d_1a_3x3\.conv\.weight"):
        InceptionV3.from_pytorch_fid({**state, "Conv2d_1a_3x3.conv.weight": torch.zeros(32, 1, 3, 3)})
    with pytest.raises(UserError, match=r"there is no such file"):
        inception_features(tmp_path / "absent.pth")


def test_old_files_without_counters_of_batches_load(state: dict[str, Tensor]) -> None:
    network = InceptionV3.from_pytorch_fid({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")})
    assert all(torch.equal(values, state[name]) for name, values in network.state_dict().items())
