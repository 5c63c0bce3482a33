"""What an edit adds to the frames, steadied along the motion of the source, so that it flickers less.

The layer of a frame (edited - source) is mixed with the layer before, moved as the source moved (optical flow), where
the source says that the flow is right and where the two are alike: what really changes is not held back. The grain of
the source, which an edit would wipe out where it repaints, comes back by that: a steady layer has none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from styleclip_core.images import largest_channel

FLOW_SIDE = 256  # px of the longer side at which flow is found
WRONG = (5.0, 14.0)  # difference of source and moved source, of 255, over which flow counts less and less
CHANGED = (8.0, 20.0)  # likewise of the layers


@dataclass(frozen=True, eq=False)
class Steadied:
    """What the next frame is mixed with.

    Attributes:
        number: of the frame.
        small: its source ``uint8 [h,w]``, grey, at the size of flow.
        layer: ``float32 [H,W,3]``.
    """

    number: int
    small: np.ndarray
    layer: np.ndarray


def steadied(
    number: int, source: np.ndarray, edited: np.ndarray, before: Steadied | None, hold: float
) -> tuple[np.ndarray, Steadied]:
    """A frame with its layer mixed with the one before.

    Args:
        source, edited: ``uint8 [H,W,3]``.
        before: of the frame before, None: there is none in this shot.
        hold: share of the layer before, 0 to below 1, where the two can be compared.
    Returns:
        the frame ``uint8 [H,W,3]``, and what the next is mixed with.
    """
    height, width = source.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    small = cv2.cvtColor(cv2.resize(source, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    layer = edited.astype(np.float32) - source
    if before is None or before.number != number - 1 or not hold:
        return edited, Steadied(number, small, layer)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(small, before.small, None)  # type: ignore[call-overload]
    moved = cv2.remap(before.small, *_places(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off = cv2.GaussianBlur(np.abs(small.astype(np.float32) - moved), (0, 0), 1.5)
    share = cv2.resize(hold * _falling(off, *WRONG), (width, height))
    flow = cv2.resize(flow, (width, height)) * np.array([width / size[0], height / size[1]], np.float32)
    part = _where_any(layer, before.layer)
    warped = cv2.remap(before.layer, *_places(flow, part), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = cv2.GaussianBlur(largest_channel(np.abs(warped - layer[part])), (0, 0), 2.0)
    layer[part] += (share[part] * _falling(apart, *CHANGED))[..., None] * (warped - layer[part])
    frame = source.copy()
    frame[part] = np.clip(source[part] + layer[part], 0, 255).round()
    return frame, Steadied(number, small, layer)


def _where_any(*layers: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns outside which all layers are 0."""
    there = np.logical_or.reduce([channel != 0 for layer in layers for channel in cv2.split(layer)])
    rows, columns = (np.flatnonzero(np.any(there, axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _places(flow: np.ndarray, part: tuple[slice, slice] = np.s_[:, :]) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows that the pixels of a part come from."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return columns[part] + flow[part][..., 0], rows[part] + flow[part][..., 1]


def _falling(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """1 up to ``low``, 0 from ``high`` on."""
    return 1 - np.clip((values - low) / (high - low), 0, 1)


def save(last: Steadied, path: Path) -> None:
    """Write it whole or not at all, so that broken work goes on exactly where it was."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, number=np.array(last.number), small=last.small, layer=last.layer)
    part.replace(path)


def load(path: Path) -> Steadied | None:
    """Read what `save` wrote, if it is there."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        return Steadied(int(file["number"]), file["small"], file["layer"])
