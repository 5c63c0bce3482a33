"""The first, middle and last frame of a clip as an edit would make them, before the whole is computed."""

from __future__ import annotations

import itertools
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from PIL import Image

from styleclip_core.errors import BadVideo
from styleclip_core.progress import Progress
from styleclip_core.settings import VideoSettings
from styleclip_core.studio import Studio
from styleclip_core.video.container import Clip, Frame, open_clip, read_frames, write_segment
from styleclip_core.video.edit import VideoEdit, edit_video_steps
from styleclip_core.video.step import Wish

ALONE = VideoSettings(center=0, axes=0, codes=0, maps=0, hold=0, stride=1)  # frames that are not beside one another
Pair = tuple[Image.Image, Image.Image]


def preview_steps(
    studio: Studio, source: str | Path, wish: Wish, start: float | None = None, end: float | None = None, face: int = 0
) -> Iterator[Progress | list[Pair]]:
    """Yield Progress on the way, and at the end the frames before and after the edit.

    Its step is the mean over these frames, so that the whole clip may differ a little. Arguments and errors are those
    of `edit_video_steps`.
    """
    wish, clip = wish.check(studio), open_clip(source, start, end)
    frames = [frame.pixels for frame in _three(clip)]
    with tempfile.TemporaryDirectory() as folder:
        short, out = Path(folder, "short.mp4"), Path(folder, "edited.mp4")
        with closing(write_segment(short, clip)) as writer:
            next(writer)
            for pixels in frames:
                writer.send(pixels)
        for step in edit_video_steps(studio, short, out, wish, ALONE, face=face):
            if not isinstance(step, VideoEdit):
                yield step
        edited = [frame.pixels for frame in read_frames(open_clip(out))]
    pictures = ([Image.fromarray(pixels) for pixels in each] for each in (frames, edited))
    yield list(zip(*pictures, strict=True))


def _three(clip: Clip) -> list[Frame]:
    """The first, middle and last frame, or as many as there are."""
    first = next(read_frames(clip), None)
    if first is None:
        raise BadVideo(f"{clip.path.name} has no frame in that part.")
    found = [first]
    for place, most in ((clip.frames // 2, 1), (clip.frames - 3, None)):  # the count is about right: 3 may be the last
        time = first.time + int(max(0, place) / clip.rate / clip.time_base)
        with closing(read_frames(clip, time)) as frames:
            found += deque(itertools.islice(frames, most), maxlen=1)
    return [frame for i, frame in enumerate(found) if i == 0 or frame.time > found[i - 1].time]
