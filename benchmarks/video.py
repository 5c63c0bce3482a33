"""A face edited through a clip, beside the same edit made frame by frame with the same program: how steady, how fast.

The clip is made by the program (`video.synthetic`): a face that does not exist moves, speaks and is lit from changing
sides. Identity over time (TL-ID, TG-ID) is measured as in STIT, on the pack's identity network; flicker is the mean
difference of successive edit layers along the source's optical flow, of 255. Results are encoded without loss here:
else the codec, which takes the grain of the source, would be most of the flicker.

    python -m benchmarks video --frames 48 --prompts "a smiling person" "blond hair" "eyeglasses"
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.common import add_grid, make_parser, peak_memory
from styleclip_core import Studio, load_studio
from styleclip_core.faces import cut
from styleclip_core.images import to_tensor
from styleclip_core.settings import VideoSettings
from styleclip_core.steps import last_of
from styleclip_core.video import container, edit_video
from styleclip_core.video.container import Clip, open_clip, read_frames, write_segment
from styleclip_core.video.measure import flicker, steadiness
from styleclip_core.video.synthetic import Scene, write_clip
from styleclip_core.video.track import Track, track_steps

SHOWN, SIDE = 12, 240  # frames of a contact sheet, and their px


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("video", __doc__)
    parser.add_argument("--frames", type=int, default=48, help="of the clip, at 24 a second (default: 48)")
    parser.add_argument("--seed", type=int, default=4, help="of the face (default: 4)")
    parser.add_argument("--prompts", nargs="+", default=["a smiling person", "blond hair", "eyeglasses"])
    parser.add_argument("--alone", action="store_true", help="without the edit frame by frame, which takes minutes")
    add_grid(parser, "video")
    options = parser.parse_args(argv)
    studio, container.ENCODER["crf"] = load_studio("compact"), "0"
    rows: list[list[np.ndarray]] = []
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(frames=options.frames, size=(1280, 720), face=0.7, seed=options.seed)
        clip = open_clip(write_clip(studio.pack, scene, Path(folder, "clip.mp4")))
        source, track = _pixels(clip), last_of(track_steps(clip, studio.pack, VideoSettings()))
        rows.append(source)
        print(f"{options.frames} frames of {clip.width} x {clip.height}, square of the face {track.side:.0f} px")
        print(f"{'prompt':24} {'way':14} {'TL-ID':>7} {'TG-ID':>7} {'flicker':>8} {'s/frame':>8}")
        for prompt in options.prompts:
            ways = {"clip": _whole} if options.alone else {"clip": _whole, "frame by frame": _single}
            for way, edit in ways.items():
                began = time.perf_counter()
                edited = edit(studio, clip, prompt, Path(folder, "edited.mp4"))
                seconds = (time.perf_counter() - began) / len(edited)
                local, general = steadiness(*(_identities(studio, track, each) for each in (source, edited)))
                unsteady = flicker(source, edited)
                print(f"{prompt:24} {way:14} {local:7.4f} {general:7.4f} {unsteady:8.2f} {seconds:8.2f}", flush=True)
                rows.append(edited)
    print(f"at most {peak_memory():.1f} GiB")
    options.grid.parent.mkdir(parents=True, exist_ok=True)
    _sheet(rows, track).save(options.grid)


def _pixels(clip: Clip) -> list[np.ndarray]:
    return [frame.pixels for frame in read_frames(clip)]


def _whole(studio: Studio, clip: Clip, prompt: str, out: Path) -> list[np.ndarray]:
    edit_video(studio, clip.path, out, prompt)
    return _pixels(open_clip(out))


def _single(studio: Studio, clip: Clip, prompt: str, out: Path) -> list[np.ndarray]:
    """Each frame as a photo of its own, encoded as the clip is."""
    with closing(write_segment(out, clip)) as writer:
        next(writer)
        for pixels in _each(studio, clip, prompt):
            writer.send(pixels)
    return _pixels(open_clip(out))


def _each(studio: Studio, clip: Clip, prompt: str) -> Iterator[np.ndarray]:
    for frame in read_frames(clip):
        face = studio.invert(Image.fromarray(frame.pixels))
        yield np.asarray(studio.optimize(face, prompt).photo)


@torch.no_grad()
def _identities(studio: Studio, track: Track, frames: list[np.ndarray]) -> torch.Tensor:
    identity = studio.pack.identity
    assert identity, "the compact pack tells identities"
    squares = [_square(track, number, pixels) for number, pixels in enumerate(frames)]
    return torch.cat([identity(to_tensor(each)) for each in squares])


def _square(track: Track, number: int, pixels: np.ndarray) -> Image.Image:
    photo = Image.fromarray(pixels)
    return cut(photo, track.alignment(number, photo.size, 256))


def _sheet(rows: list[list[np.ndarray]], track: Track) -> Image.Image:
    """The source and each edit below it, twelve frames from first to last."""
    numbers = np.linspace(0, len(track) - 1, SHOWN).round().astype(int).tolist()
    sheet = Image.new("RGB", (SHOWN * SIDE, len(rows) * SIDE))
    for row, frames in enumerate(rows):
        for column, number in enumerate(numbers):
            sheet.paste(_square(track, number, frames[number]).resize((SIDE, SIDE)), (column * SIDE, row * SIDE))
    return sheet


if __name__ == "__main__":
    main()
