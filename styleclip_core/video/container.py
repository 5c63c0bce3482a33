"""Video files: frames out of one, H.264 into another, timestamps, rotation and sound as they were. Needs PyAV."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from styleclip_core.errors import BadVideo, UnsupportedByPack
from styleclip_core.provenance import SOFTWARE, Source, xmp

ENDINGS = (".mp4", ".mov", ".mkv")
MAX_SIDE = 4096  # px of a frame
HD = 720  # lines from which colours that say nothing else are BT.709, as players take it
ENCODER = {"crf": "17", "preset": "faster", "bf": "0"}  # without B-frames, packets are in the order of the frames
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of MP4 files, by the XMP Specification, part 3


@dataclass(frozen=True, eq=False)
class Frame:
    """A decoded frame, upright.

    Attributes:
        pixels: RGB ``uint8 [H,W,3]``.
        time: when it is shown, in units of `Clip.time_base`. duration: for how long; 0 is not known.
    """

    pixels: np.ndarray
    time: int
    duration: int


@dataclass(frozen=True)
class Clip:
    """A video file, or a part of one.

    Attributes:
        time_base: seconds of a unit of time.
        rate: frames a second, on average.
        frames: about how many frames it has; 0 is not known.
        width, height: of upright frames, px.
        start, end: the part that is meant, in seconds from the file's zero; None is the file's own.
    """

    path: Path
    time_base: Fraction
    rate: Fraction
    frames: int
    width: int
    height: int
    start: float | None = None
    end: float | None = None


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise UnsupportedByPack("Videos need the extra video: pip install av.") from error
    return av


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, open for reading. Raises BadVideo where it is none, or its data cannot be read."""
    av = _av()
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            yield container
    except (av.error.FFmpegError, OSError) as error:
        raise BadVideo(f"{path.name} cannot be read as a video ({error.strerror or error}).") from error


def open_clip(path: str | Path, start: float | None = None, end: float | None = None) -> Clip:
    """Look at a video. Raises BadVideo, UnsupportedByPack (PyAV is missing)."""
    path = Path(path)
    if start is not None and end is not None and end <= start:
        raise BadVideo(f"The part from {start:g} to {end:g} s is empty: let it end after it begins.")
    with _opened(path) as container:
        if not container.streams.video:
            raise BadVideo(f"{path.name} has no video in it.")
        stream = container.streams.video[0]
        first = next(container.decode(stream), None)
        if first is None:
            raise BadVideo(f"{path.name} has no frame that can be read.")
        height, width = _upright(first).shape[:2]
        if max(width, height) > MAX_SIDE:
            raise BadVideo(f"The video is too large ({width} x {height}): reduce it to {MAX_SIDE} pixels a side.")
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        length = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
        frames = stream.frames or round(length * rate)
        if start is not None or end is not None:
            frames = round(max(0.0, min(end or length, length) - (start or 0)) * rate)
        return Clip(path, Fraction(stream.time_base), rate, frames, width, height, start, end)


def read_frames(clip: Clip, from_time: int | None = None) -> Generator[Frame, None, None]:
    """The frames of a clip in order. A file that is cut short or damaged later on ends with its last good frame.

    Args:
        from_time: begin with the frame of this time (`Frame.time`).
    """
    av, base = _av(), clip.time_base
    low = from_time if from_time is not None else None if clip.start is None else clip.start / base
    with _opened(clip.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if low is not None and low > 0:
            container.seek(int(low), stream=stream, backward=True)
        with contextlib.suppress(av.error.FFmpegError):
            for frame in container.decode(stream):
                time = frame.pts if frame.pts is not None else 0
                if low is not None and time < low:
                    continue
                if clip.end is not None and time * base >= clip.end:
                    return
                yield Frame(_upright(frame), time, frame.duration or 0)


def _upright(frame: Any) -> np.ndarray:
    """RGB ``uint8 [H,W,3]`` as it is to be seen, turned as the file says."""
    pixels = frame.to_ndarray(format="rgb24", src_colorspace=_matrix(frame.colorspace, frame.height))
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _matrix(colorspace: int, height: int) -> str:
    """The matrix of a frame's colours: what it says, else what players take."""
    known = {1: "ITU709", 5: "ITU601", 6: "ITU601"}
    return known.get(int(colorspace), "ITU709" if height >= HD else "ITU601")


def write_segment(path: Path, clip: Clip) -> Generator[None, np.ndarray, None]:
    """Encode frames ``uint8 [H,W,3]``, which are sent to it, as H.264 into a file that `join` takes.

    Closing it ends the file. Odd sides get a repeated line, since the format has none.
    """
    av = _av()
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=clip.rate, options=ENCODER)
        stream.width, stream.height = clip.width + clip.width % 2, clip.height + clip.height % 2
        stream.pix_fmt, matrix = "yuv420p", "ITU709" if stream.height >= HD else "ITU601"
        stream.codec_context.colorspace = 1 if matrix == "ITU709" else 6
        stream.codec_context.color_range = 1
        try:
            for index in itertools.count():
                pixels = yield
                more = (0, stream.height - len(pixels)), (0, stream.width - pixels.shape[1]), (0, 0)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(pixels, more, "edge")), "rgb24")
                frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range="MPEG")
                frame.pts, frame.time_base = index, 1 / clip.rate
                container.mux(stream.encode(frame))
        finally:
            container.mux(stream.encode(None))


def join(segments: list[Path], clip: Clip, times: list[tuple[int, int]], out: Path) -> None:
    """Put encoded segments and the clip's own sound into one file.

    Args:
        times: time and duration of every frame, as `Frame` has them.
    """
    av, times = _av(), _in_order(times)
    shift = times[0][0] if clip.start is not None else 0  # a part begins at 0
    sound_from = float(times[0][0] * clip.time_base) if clip.start is not None else None
    form = {".mkv": "matroska", ".mov": "mov"}.get(out.suffix.lower(), "mp4")
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(av.open(str(part), "w", format=form))
        target.metadata["comment"] = f"Edited by AI: {SOFTWARE}"
        first = stack.enter_context(av.open(str(segments[0])))
        video = target.add_stream_from_template(first.streams.video[0])
        video.time_base = clip.time_base
        tracks = [_video_packets(segments, video, clip, times, shift)]
        with _opened(clip.path) as source:
            count = len(source.streams.audio)
        for number in range(count):
            source = stack.enter_context(av.open(str(clip.path)))
            tracks.append(_sound_packets(source, number, target, sound_from, clip.end))
        target.start_encoding()  # before any sound is encoded, or its stream would lack its parameters
        for _, _, packet in heapq.merge(*map(_numbered, tracks, range(len(tracks))), key=lambda each: each[:2]):
            target.mux(packet)
    if form != "matroska":
        box = XMP_BOX + xmp(Source.EDITED).encode()
        with part.open("ab") as file:
            file.write((len(box) + 8).to_bytes(4, "big") + b"uuid" + box)
    part.replace(out)


def _in_order(times: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Times that rise from frame to frame. Some files (WMV with B-frames) give them in the order of decoding."""
    durations, rising = [duration for _, duration in times], []
    before = min(time for time, _ in times) - 1
    for time in sorted(time for time, _ in times):
        before = max(time, before + 1)
        rising.append(before)
    return list(zip(rising, durations, strict=True))


def _numbered(packets: Iterator[tuple[float, Any]], track: int) -> Iterator[tuple[float, int, Any]]:
    for time, packet in packets:
        yield time, track, packet


def _video_packets(
    segments: list[Path], stream: Any, clip: Clip, times: list[tuple[int, int]], shift: int
) -> Iterator[tuple[float, Any]]:
    av, last = _av(), len(times) - 1
    number = 0
    for segment in segments:
        with av.open(str(segment)) as container:
            for packet in container.demux(video=0):
                if not packet.size:
                    continue
                time, duration = times[number]
                if number < last:
                    duration = times[number + 1][0] - time
                packet.time_base, packet.pts = clip.time_base, time - shift
                packet.dts, packet.stream = packet.pts, stream
                packet.duration = duration or round(1 / clip.rate / clip.time_base)
                number += 1
                yield float((time - shift) * clip.time_base), packet


def _sound_packets(
    source: Any, number: int, target: Any, begin: float | None, end: float | None
) -> Iterator[tuple[float, Any]]:
    """A sound track's packets: as they are, or in AAC where the file cannot hold its codec."""
    stream = source.streams.audio[number]
    copied = stream.codec_context.name in target.supported_codecs
    out = (
        target.add_stream_from_template(stream)
        if copied
        else target.add_stream("aac", rate=stream.rate, layout="mono" if stream.channels == 1 else "stereo")
    )
    packets = _copied(source, stream, out, begin, end) if copied else _encoded(source, stream, out, begin, end)
    return (
        (float((packet.pts if packet.dts is None else packet.dts) * packet.time_base), packet) for packet in packets
    )


def _copied(source: Any, stream: Any, out: Any, begin: float | None, end: float | None) -> Iterator[Any]:
    shift = 0 if begin is None else round(begin / stream.time_base)
    with contextlib.suppress(_av().error.FFmpegError):
        for packet in source.demux(stream):
            if packet.pts is None or not packet.size or (begin is not None and packet.pts < shift):
                continue
            if end is not None and packet.pts * packet.time_base >= end:
                return
            packet.pts, packet.dts, packet.stream = packet.pts - shift, (packet.dts or packet.pts) - shift, out
            yield packet


def _encoded(source: Any, stream: Any, out: Any, begin: float | None, end: float | None) -> Iterator[Any]:
    av = _av()
    resampler = av.AudioResampler(format=out.format, layout=out.layout, rate=out.rate)
    place: int | None = None  # in samples: times of other files are rounded, and the encoder wants exact ones
    with contextlib.suppress(av.error.FFmpegError):
        for frame in source.decode(stream):
            if (begin is not None and frame.time < begin) or (end is not None and frame.time >= end):
                continue
            if place is None:
                place = round((frame.time - (begin or 0)) * out.rate)
            for each in resampler.resample(frame):
                each.pts, each.time_base = place, Fraction(1, out.rate)
                place += each.samples
                yield from out.encode(each)
    yield from out.encode(None)
