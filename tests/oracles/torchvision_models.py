"""torchvision's networks, importable beside a torch without its compiled operators."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

OPERATORS = (
    "nms", "qnms", "roi_align", "_roi_align_backward", "roi_pool", "_roi_pool_backward", "ps_roi_align",
    "_ps_roi_align_backward", "ps_roi_pool", "_ps_roi_pool_backward", "deform_conv2d", "_deform_conv2d_backward",
)  # fmt: skip

_registered: list[Any] = []


def models() -> Any:
    """The module torchvision.models; the test is skipped where torchvision is not installed."""
    if not _registered and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")  # schemas without kernels: detection alone calls them
        for name in OPERATORS:
            library.define(f"{name}(Tensor x) -> Tensor")
        _registered.append(library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torchvision").models
