"""Layers of an edit are steadied along the source's motion; what really changes is not held back."""

import numpy as np

from styleclip_core.video import steady
from styleclip_core.video.measure import flicker

HOLD = 0.85


def scene(frames: int = 10) -> np.ndarray:
    """Blobs that move two pixels a frame to the right, ``uint8 [T,120,160,3]``."""
    import cv2

    noise = np.random.default_rng(0).uniform(40, 200, (120, 160 + 2 * frames, 3)).astype(np.float32)
    wide = cv2.GaussianBlur(noise, (0, 0), 4)
    wide = 128 + (wide - wide.mean()) * 4
    views = [wide[:, 2 * (frames - i) : 2 * (frames - i) + 160] for i in range(frames)]
    return np.clip(np.stack(views), 0, 255).astype(np.uint8)


def run(source: np.ndarray, edited: np.ndarray, hold: float = HOLD) -> np.ndarray:
    last, frames = None, []
    for number, (before, after) in enumerate(zip(source, edited, strict=True)):
        frame, last = steady.steadied(number, before, after, last, hold)
        frames.append(frame)
    return np.stack(frames)


def painted(source: np.ndarray, unsteady: float) -> np.ndarray:
    """A square that moves with the scene, redder by an amount that differs from frame to frame."""
    edited, noise = source.astype(np.int16), np.random.default_rng(1)
    for number, frame in enumerate(edited):
        left = 40 + 2 * number
        frame[40:80, left : left + 40, 0] += 20 + round(noise.uniform(-unsteady, unsteady))
    return np.clip(edited, 0, 255).astype(np.uint8)


def test_a_flickering_layer_is_steadied_where_it_moves():
    source = scene()
    edited = painted(source, 8)
    frames = run(source, edited)
    assert flicker(source, frames) < 0.5 * flicker(source, edited)
    assert (frames[:, :20] == source[:, :20]).all(), "where nothing is edited, nothing is touched"
    layer = (frames[-1].astype(int) - source[-1])[..., 0]
    assert layer[45:75, 65:90].mean() > 14 and abs(layer[45:75, 42:54]).mean() < 3, "it is where the scene went"


def test_a_change_of_the_edit_is_taken_at_once():
    source, edited = scene(), painted(scene(), 0)
    edited[6:, 40:80, 70:90] = 250
    frames = run(source, edited)
    assert np.abs(frames[6, 44:76, 74:86].astype(int) - 250).max() < 4


def test_nothing_is_taken_over_from_another_frame_than_the_one_before(tmp_path):
    source, edited = scene(), painted(scene(), 8)
    _, last = steady.steadied(3, source[3], edited[3], None, HOLD)
    steady.save(last, tmp_path / "last.npz")
    known = steady.load(tmp_path / "last.npz")
    assert known is not None and steady.load(tmp_path / "none.npz") is None
    after, again = (steady.steadied(4, source[4], edited[4], each, HOLD)[0] for each in (last, known))
    assert (after == again).all() and (after != edited[4]).any()
    far, _ = steady.steadied(7, source[7], edited[7], last, HOLD)
    assert (far == edited[7]).all()
