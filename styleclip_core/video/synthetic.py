"""Test clips that the program makes itself: a face that does not exist moves, speaks and smiles before a background.

Pose, expression and light move along paths in W; the face is pasted on a moving background, with grain, and the film is
compressed. Faults are made by hand: cuts, something before the face, frames without a face, a second person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from styleclip_core import latents
from styleclip_core.edits import interfacegan
from styleclip_core.images import to_image
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.packs.base import Pack

SOUND_RATE = 44_100


@dataclass(frozen=True)
class Scene:
    """A clip to be made.

    Attributes:
        frames: how many. rate: of them, a second.
        size: width and height, px. face: side of the face's square, in heights.
        seed: of the face, and of background and grain.
        motion: how far pose, expression and light move; 0 is a still face.
        grain: deviation of the noise, of 255. crf: of the compression, 0 none to 51.
        empty: frames without a face, from and to (exclusive). occluded: likewise, with something before the face.
        cut: the frame at which another shot of the same face begins.
        second: another person is in the picture too.
        sound: whether there is a sound track, of a tone.
    """

    frames: int = 24
    rate: int = 24
    size: tuple[int, int] = (320, 240)
    face: float = 0.85
    seed: int = 3
    motion: float = 1.0
    grain: float = 3.0
    crf: int = 20
    empty: tuple[int, int] = (0, 0)
    occluded: tuple[int, int] = (0, 0)
    cut: int = 0
    second: bool = False
    sound: bool = True


@torch.no_grad()
def draw(pack: Pack, scene: Scene) -> Iterator[np.ndarray]:
    """The frames ``uint8 [H,W,3]`` of a scene, before compression."""
    width, height = scene.size
    noise = np.random.default_rng(scene.seed)
    background = _background(noise, width + 200, height + 100)
    w = latents.random_w(pack.generator, scene.seed, 0.7)
    other = _person(pack, latents.random_w(pack.generator, scene.seed + 1, 0.7), 0, 0.0, 256) if scene.second else None
    for number in range(scene.frames):
        shot = int(0 < scene.cut <= number)
        moved = number / scene.rate + 7.3 * shot
        x, y = (100 + 60 * np.sin(0.5 * moved)), (50 + 30 * np.cos(0.4 * moved))
        frame = _crop(background if not shot else 255 - background, x, y, width, height)
        if other is not None:
            _put(frame, *other, center=(0.18 * width, 0.6 * height), side=0.5 * height, turn=0.0)
        if not scene.empty[0] <= number < scene.empty[1]:
            person = _person(pack, w, moved, scene.motion, 1024 if height > 480 else 256)
            middle = (
                (0.56 + 0.05 * np.sin(0.9 * moved) * scene.motion) * width,
                (0.52 + 0.02 * np.sin(1.7 * moved)) * height,
            )
            side = scene.face * height * (1 + 0.04 * np.sin(0.6 * moved) * scene.motion) * (1 - 0.2 * shot)
            _put(frame, *person, center=middle, side=side, turn=4 * np.sin(0.8 * moved) * scene.motion)
            if scene.occluded[0] <= number < scene.occluded[1]:
                top = int(middle[1] + 0.05 * side)
                frame[top : top + int(0.3 * side), int(middle[0] - 0.4 * side) : int(middle[0] + 0.4 * side)] = (
                    40,
                    90,
                    60,
                )
        yield np.clip(frame + noise.normal(0, scene.grain, (height, width, 1)), 0, 255).astype(np.uint8)


def write_clip(pack: Pack, scene: Scene, path: Path) -> Path:
    """Make a scene into a file (H.264 and AAC). Returns its path."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=scene.rate, options={"crf": str(scene.crf)})
        even = [side % 2 == 0 for side in scene.size]
        video.width, video.height = scene.size
        video.pix_fmt = "yuv420p" if all(even) else "yuv444p"  # only that has odd sides
        video.time_base = video.codec_context.time_base = Fraction(1, 90_000)
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if scene.sound else None
        for number, pixels in enumerate(draw(pack, scene)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number * 90_000 // scene.rate, Fraction(1, 90_000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            _add_tone(container, sound, scene.frames / scene.rate)
    return path


def _add_tone(container: Any, stream: Any, seconds: float) -> None:
    import av

    tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE)).astype(np.float32)
    for begin in range(0, len(tone), 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, begin : begin + 1024], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _person(pack: Pack, w: torch.Tensor, moved: float, motion: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A face at a moment: RGB ``float32 [S,S,3]`` and its outline ``[S,S]``."""
    code = w.reshape(1, 1, -1).expand(1, pack.generator.num_layers, -1)
    for name, strength in (
        ("pose", 0.9 * np.sin(1.1 * moved)),
        ("pitch", 0.5 * np.sin(0.7 * moved + 1)),
        ("mouth open", 0.7 * max(0.0, np.sin(5 * moved)) * (np.sin(0.8 * moved) > 0)),
        ("skin tone", 0.3 * np.sin(0.5 * moved)),
    ):
        code = interfacegan.apply(pack, code, name, float(motion * strength))
    picture = pack.generator.synthesize(code, size)
    shape = np.ones((size, size), np.float32)
    if pack.parser is not None:
        found = pack.parser.parse(torch.nn.functional.interpolate(picture, (256, 256), mode="area"))[0]
        shape = cv2.resize(1 - found[CLASSES.index("background")].cpu().numpy(), (size, size))
    light = 1 + 0.08 * motion * np.sin(0.9 * moved)
    return np.asarray(to_image(picture), np.float32) * np.float32(light), shape


def _put(
    frame: np.ndarray, face: np.ndarray, shape: np.ndarray, center: tuple[float, float], side: float, turn: float
) -> None:
    """Paste a face into a frame, which is changed; ``turn`` in degrees."""
    scale = side / len(face)
    if scale < 0.6:
        smaller = max(1, round(side * 1.2))
        face, shape = (cv2.resize(each, (smaller, smaller), interpolation=cv2.INTER_AREA) for each in (face, shape))
        scale = side / smaller
    matrix = cv2.getRotationMatrix2D((len(face) / 2, len(face) / 2), turn, scale)
    matrix[:, 2] += np.array(center) - len(face) / 2
    size = frame.shape[1::-1]
    share = cv2.GaussianBlur(cv2.warpAffine(shape, matrix, size), (0, 0), 1.0)[..., None]
    frame += share * (cv2.warpAffine(face, matrix, size, borderMode=cv2.BORDER_REPLICATE) - frame)


def _background(noise: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Blurred patches of colour, some lines: ``float32 [H,W,3]``."""
    coarse = noise.uniform(50, 150, (max(2, height // 60), max(2, width // 60), 1)) + noise.uniform(0, 50, 3)
    coarse = coarse.astype(np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for x in range(0, width, 90):
        picture[:, x : x + 6] *= 0.7
    return np.clip(picture, 0, 255)


def _crop(picture: np.ndarray, x: float, y: float, width: int, height: int) -> np.ndarray:
    matrix = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    return cv2.warpAffine(picture, matrix, (width, height)).astype(np.float32)
