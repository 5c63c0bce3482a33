"""Edit a face through a video: follow it, find its codes, one step of the edit for all frames, draw and paste.

The way is that of STIT ("Stitch it in Time", Tzaban et al. 2022) without its tuning of the generator: codes come from
one pass, and only what the edit changes is pasted into the frames. Memory does not grow with the length of the clip.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from styleclip_core.devices import memory_errors
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.faces import cut
from styleclip_core.progress import PREVIEW_SIZE, Progress
from styleclip_core.settings import OptimizeSettings, VideoSettings
from styleclip_core.steps import last_of
from styleclip_core.studio import Studio
from styleclip_core.video import codes as coding
from styleclip_core.video.container import ENDINGS, Clip, Frame, join, open_clip, read_frames, write_segment
from styleclip_core.video.draw import Drawer, pasted
from styleclip_core.video.smoothing import radius
from styleclip_core.video.steady import load as load_steadied
from styleclip_core.video.steady import save as save_steadied
from styleclip_core.video.steady import steadied
from styleclip_core.video.step import Step, Wish, find_step, key_face, key_frames, shares
from styleclip_core.video.track import Track, load_track, save_track, track_steps
from styleclip_core.video.work import close_work, load_step, open_work, save_step

LOOK_EVERY = 4  # frames of which one is shown while they are drawn


@dataclass(frozen=True)
class VideoEdit:
    """An edited video.

    Attributes:
        path: of the file.
        frames, edited: how many frames it has, and how many of them the edit shows in.
        notes: what is to be known of it, in sentences: frames without the face, cuts, other people.
        said: what measurably changed in a key frame.
        seconds: that it took, this time.
    """

    path: Path
    frames: int
    edited: int
    notes: tuple[str, ...]
    said: str
    seconds: float


def edit_video(
    studio: Studio,
    source: str | Path,
    out: str | Path,
    prompt: str | None = None,
    sliders: Mapping[str, float] | None = None,
    region: str = "auto",
    edit: OptimizeSettings | None = None,
    settings: VideoSettings | None = None,
    start: float | None = None,
    end: float | None = None,
    face: int = 0,
) -> VideoEdit:
    """Edit a face through a video, by a prompt or by sliders.

    Work that was broken off goes on where it was when the same is asked for again.

    Args:
        source: the video. out: the edited one, .mp4, .mov or .mkv (H.264; sound as it was).
        region: where the edit may show, as `Studio.optimize` takes it; of sliders, "auto" is everywhere.
        edit: settings of an edit by a prompt.
        start, end: edit and keep only this part, in seconds.
        face: which face of the first frame that shows any, 0 the largest.
    Raises:
        BadVideo, NoFaceFound, BadSetting; what `Studio.optimize` and `Studio.slide` raise; UnsupportedByPack where
        PyAV is missing or the pack draws no faces.
    """
    wish = Wish(prompt, sliders or {}, region, edit or OptimizeSettings())
    return last_of(edit_video_steps(studio, source, out, wish, settings, start, end, face))


def edit_video_steps(
    studio: Studio,
    source: str | Path,
    out: str | Path,
    wish: Wish,
    settings: VideoSettings | None = None,
    start: float | None = None,
    end: float | None = None,
    face: int = 0,
) -> Iterator[Progress | VideoEdit]:
    """As `edit_video`, but yields Progress on the way and the VideoEdit at the end. Stop iterating to cancel."""
    began, out, settings = time.perf_counter(), Path(out), settings or VideoSettings()
    if out.suffix.lower() not in ENDINGS:
        raise BadSetting(f"{out} must end in {' or '.join(ENDINGS)}.")
    if studio.pack.domain != "face":
        raise UnsupportedByPack(f"The pack {studio.pack.name} draws no faces; videos are edited by packs that do.")
    wish, clip = wish.check(studio), open_clip(source, start, end)
    if out.exists() and out.samefile(clip.path):
        raise BadSetting("The edited video would replace the one that it is made from; choose another name.")
    work = open_work(out, clip, wish, settings, studio.pack.name, face)
    with memory_errors(studio.pack.device):
        track = yield from _track(clip, studio, settings, work, face)
        yield from _codes(clip, studio, settings, work, track)
        codes = coding.Codes(work, track, settings)
        step = yield from _step(studio, wish, settings, work, track, codes)
        drawer = Drawer(studio.pack, track, codes, wish, step, shares(studio.pack, wish, track))
        segments = yield from _segments(clip, settings, work, track, drawer)
        times = [(int(begin), int(length)) for begin, length in track.times]
        join(segments, clip, times, out)
    close_work(work)
    edited = sum(run.last - run.first + 1 for run in track.runs)
    yield VideoEdit(out, len(track), edited, tuple(track.notes), step.said, time.perf_counter() - began)


def _track(clip: Clip, studio: Studio, settings: VideoSettings, work: Path, face: int):
    path = work / "track.npz"
    if path.is_file():
        return load_track(path)
    track: Track | None = None
    for step in track_steps(clip, studio.pack, settings, face):
        if isinstance(step, Track):
            track = step
        else:
            yield step
    assert track, "following ends with a track"
    save_track(track, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
    return track


def _codes(clip: Clip, studio: Studio, settings: VideoSettings, work: Path, track: Track):
    """Invert the frames that are not inverted yet, segment by segment."""
    wanted = {frame for run in track.runs for frame in coding.inverted_frames(run, settings.stride)}
    count = range(-(-len(track) // settings.segment))
    missing = [number for number in count if not coding.segment_file(work, number).is_file()]
    if not missing:
        return
    first, found, coder, last = missing[0] * settings.segment, {}, coding.Coder(studio.pack), None
    with closing(_frames_from(clip, track, first)) as frames:
        for number, frame in frames:
            if number in wanted:
                photo, run = Image.fromarray(frame.pixels), track.run_of(number)
                square = cut(photo, track.alignment(number, photo.size, coding.SQUARE))
                if not found or run != last:  # another shot, or a segment that others may go on with
                    coder, last = coding.Coder(studio.pack), run
                found[number] = coder.code(square)
                yield Progress("Finding the codes", number + 1, len(track), square.resize((PREVIEW_SIZE, PREVIEW_SIZE)))
            if (number + 1) % settings.segment == 0 or number + 1 == len(track):
                coding.save_segment(work, number // settings.segment, found)
                found = {}


def _step(studio: Studio, wish: Wish, settings: VideoSettings, work: Path, track: Track, codes: coding.Codes):
    if (known := load_step(work / "step.npz")) is not None:
        return known
    faces, found = [key_face(studio, codes, track, frame) for frame in key_frames(track, settings)], None
    for step in find_step(studio, wish, faces):
        if isinstance(step, Step):
            found = step
        else:
            yield step
    assert found, "looking for the step ends with it"
    save_step(found, work / "step.npz")
    return found


def _segments(clip: Clip, settings: VideoSettings, work: Path, track: Track, drawer: Drawer):
    """Draw and encode the segments that are not there yet. Returns the files of all."""
    files = [work / f"part_{number:05}.mp4" for number in range(-(-len(track) // settings.segment))]
    kept = [work / f"steady_{number:05}.npz" for number in range(len(files))]  # what the next one is steadied by
    done = next((number for number, file in enumerate(files) if not file.is_file()), len(files))
    if done == len(files):
        return files
    first = done * settings.segment
    begin = max(0, first - radius(settings.maps))  # frames before it count in the smoothing
    last = load_steadied(kept[done - 1]) if done else None
    with closing(_frames_from(clip, track, begin)) as frames:
        layers = (drawer.layer(number, frame) for number, frame in frames)
        finished = itertools.dropwhile(lambda each: each[0].number < first, pasted(layers, settings))
        for index in range(done, len(files)):
            file = files[index]
            part, wanted = file.with_suffix(".part"), itertools.islice(finished, settings.segment)
            with closing(write_segment(part, clip)) as writer:
                next(writer)
                for layer, pixels in wanted:
                    if layer.run is None:
                        last = None
                    else:
                        before = None if layer.number == layer.run.first else last
                        pixels, last = steadied(layer.number, layer.frame.pixels, pixels, before, settings.hold)
                    writer.send(pixels)
                    yield Progress("Drawing", layer.number + 1, len(track), _preview(pixels, track, layer.number))
            if last is not None:
                save_steadied(last, kept[index])
            part.replace(file)
            if index:
                kept[index - 1].unlink(missing_ok=True)
    return files


def _preview(pixels: np.ndarray, track: Track, number: int) -> Image.Image | None:
    if number % LOOK_EVERY or track.run_of(number) is None:
        return None
    photo = Image.fromarray(pixels)
    return cut(photo, track.alignment(number, photo.size, PREVIEW_SIZE))


def _frames_from(clip: Clip, track: Track, first: int) -> Generator[tuple[int, Frame], None, None]:
    """Numbers and frames, from one on."""
    if np.all(np.diff(track.times[:, 0]) > 0):
        wanted = cast(int, track.times[first][0].item()) if first else None
        frames = read_frames(clip, wanted)
    else:  # times out of order lead nowhere in the file
        frames = itertools.islice(read_frames(clip), first, None)
    yield from zip(range(first, len(track)), frames, strict=False)
