"""Judges that took no part in training: dlib's face network and LPIPS-AlexNet, where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core.errors import BadCheckpoint

Embed = Callable[[Image.Image], np.ndarray | None]
Distance = Callable[[Tensor, Tensor], float]

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_ALEXNET = ((4, 2, True), (1, 2, True), (1, 1, False), (1, 1, False), (1, 1, False))  # stride, padding, pooled after


def dlib_embedding() -> Embed | None:
    """A function that embeds the largest face of a picture as ``[128]``, None where it finds none.

    None without the extra ``judges``. Two pictures of one person are mostly less than 0.6 apart.
    """
    models = find_spec("face_recognition_models")
    if find_spec("dlib") is None or models is None or not models.submodule_search_locations:
        return None
    import dlib

    folder = Path(models.submodule_search_locations[0]) / "models"
    detect = dlib.get_frontal_face_detector()  # type: ignore[attr-defined]
    find_points = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))  # type: ignore
    network = dlib.face_recognition_model_v1(  # type: ignore[attr-defined]
        str(folder / "dlib_face_recognition_resnet_model_v1.dat")
    )

    def embed(picture: Image.Image) -> np.ndarray | None:
        pixels = np.asarray(picture.convert("RGB").resize((512, 512), Image.Resampling.LANCZOS))
        boxes = detect(pixels, 1)
        if not boxes:
            return None
        box = max(boxes, key=lambda found: found.area())
        return np.array(network.compute_face_descriptor(pixels, find_points(pixels, box), 1))

    return embed


def lpips_alexnet(file: Path) -> Distance:
    """LPIPS with AlexNet (Zhang et al. 2018, version 0.1) of two pictures ``[1,3,H,H]`` in [-1,1]; 0 is identical.

    Args:
        file: .npz with ``conv0.weight`` ... ``conv4.bias`` and ``lin0`` ... ``lin4``. Raises BadCheckpoint.
    """
    try:
        with np.load(file) as arrays:
            weights = {key: torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files}
        layers = [(weights[f"conv{i}.weight"], weights[f"conv{i}.bias"], weights[f"lin{i}"]) for i in range(5)]
    except (OSError, ValueError, KeyError) as error:
        raise BadCheckpoint(f"{file} holds no weights of LPIPS-AlexNet (.npz).") from error

    def features(x: Tensor) -> list[Tensor]:
        x, out = (x - torch.tensor(_SHIFT).view(1, 3, 1, 1)) / torch.tensor(_SCALE).view(1, 3, 1, 1), []
        for (weight, bias, _), (stride, padding, pooled) in zip(layers, _ALEXNET, strict=True):
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            out.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
            x = F.max_pool2d(x, 3, 2) if pooled else x
        return out

    @torch.no_grad()
    def distance(a: Tensor, b: Tensor) -> float:
        small = [F.interpolate(x.cpu(), (256, 256), mode="bilinear", antialias=True) for x in (a, b)]
        compared = zip(*map(features, small), layers, strict=True)
        return sum(((x - y).square() * lin.view(1, -1, 1, 1)).sum(1).mean().item() for x, y, (*_, lin) in compared)

    return distance
