"""How steady an edited clip is: identity over time as STIT defines it, and the flicker of what was edited."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor


def steadiness(source: Tensor, edited: Tensor) -> tuple[float, float]:
    """TL-ID and TG-ID of Tzaban et al. 2022: identity of neighbours, and of all pairs, as a share of the source's.

    1 is as steady as the source.

    Args:
        source, edited: unit identity embeddings of the frames ``[T,E]``, T at least 2.
    """
    of_source, of_edited = source @ source.T, edited @ edited.T
    ratio = of_edited / of_source.clamp(min=1e-3)
    pairs = ~torch.eye(len(source), dtype=torch.bool)
    return ratio.diagonal(1).mean().item(), ratio[pairs].mean().item()


def flicker(source: Sequence[np.ndarray], edited: Sequence[np.ndarray]) -> float:
    """Mean difference of successive edit layers (edited - source), the earlier one warped by the source's flow.

    Of pixels where either layer shows, of 255.

    Args:
        source, edited: frames ``uint8 [H,W,3]``.
    """
    total, count, before = 0.0, 0.0, None
    rows, columns = np.mgrid[: source[0].shape[0], : source[0].shape[1]].astype(np.float32)
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for a, b in zip(source, edited, strict=True):
        layer, gray = b.astype(np.float32) - a, cv2.cvtColor(a, cv2.COLOR_RGB2GRAY)
        if before is not None:
            flow = flow_of.calc(gray, before[1], None)  # type: ignore[call-overload]
            warped = cv2.remap(before[0], columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
            shown = np.maximum(np.abs(warped), np.abs(layer)).max(-1) > 4
            total += float(np.abs(layer - warped).mean(-1)[shown].sum())
            count += float(shown.sum())
        before = layer, gray
    return total / max(count, 1.0)
