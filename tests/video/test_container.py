"""Files: what goes in comes out, to a frame, and what is broken is refused in a sentence."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from styleclip_core.errors import BadVideo
from styleclip_core.video.container import join, open_clip, read_frames, write_segment


def write(
    path: Path, times: list[int], size=(64, 48), sound: str | None = None, codec="libx264", pix_fmt="yuv420p"
) -> Path:
    """Frames of growing brightness at these times, in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        if tone:
            tone.bit_rate = 32_000
        for number, time in enumerate(times):
            picture = np.full((size[1], size[0], 3), 20 + 20 * (number % 12), np.uint8)
            picture[:10, :10] = 255, 0, 0
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            samples = np.sin(np.arange(8000) / 5)[None] * 8000
            for begin in range(0, 8000, 800):
                part = av.AudioFrame.from_ndarray(samples[:, begin : begin + 800].astype(np.int16), "s16", "mono")
                part.rate, part.pts, part.time_base = 16000, begin, Fraction(1, 16000)
                for each in av.AudioResampler(format=tone.format, layout="mono", rate=16000).resample(part):
                    each.pts = begin
                    container.mux(tone.encode(each))
            container.mux(tone.encode(None))
    return path


def copy(source: Path, out: Path, **part) -> tuple[list, list]:
    """Pass the frames through two segments; the frames before and after."""
    clip = open_clip(source, **part)
    frames, files = list(read_frames(clip)), [out.with_name("a.part"), out.with_name("b.part")]
    for file, some in zip(files, (frames[:3], frames[3:]), strict=True):
        with closing(write_segment(file, clip)) as writer:
            next(writer)
            for frame in some:
                writer.send(frame.pixels)
    join(files if frames[3:] else files[:1], clip, [(frame.time, frame.duration) for frame in frames], out)
    return frames, list(read_frames(open_clip(out)))


def sound_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def seconds(frames: list, path: Path) -> list[float]:
    base = open_clip(path).time_base
    return [round(float(frame.time * base), 4) for frame in frames]


def test_times_of_a_variable_rate_stay(tmp_path):
    source = write(tmp_path / "in.mp4", [0, 40, 120, 130, 300, 420, 421])
    before, after = copy(source, tmp_path / "out.mp4")
    assert seconds(after, tmp_path / "out.mp4") == seconds(before, source) == [0, 0.04, 0.12, 0.13, 0.3, 0.42, 0.421]
    for old, new in zip(before, after, strict=True):
        assert np.abs(old.pixels.astype(int) - new.pixels).mean() < 3, "and so do pictures and colours"


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_sound_is_copied(tmp_path, ending):
    source = write(tmp_path / f"in.{ending}", [0, 40, 80, 120, 160], sound="aac")
    copy(source, tmp_path / f"out.{ending}")
    assert sound_packets(source) and sound_packets(tmp_path / f"out.{ending}") == sound_packets(source)


def test_sound_that_the_file_cannot_hold_becomes_aac(tmp_path):
    source = write(tmp_path / "in.wmv", [0, 40, 80, 120, 160], sound="wmav2")
    copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert 0.4 < sum(frame.samples for frame in container.decode(audio=0)) / 16000 < 0.7


def test_a_part_begins_at_zero(tmp_path):
    source = write(tmp_path / "in.mp4", list(range(0, 400, 40)), sound="aac")
    before, after = copy(source, tmp_path / "out.mp4", start=0.1, end=0.3)
    assert [frame.time for frame in before] == [
        int(t / 1000 / open_clip(source).time_base) for t in (120, 160, 200, 240, 280)
    ]
    assert seconds(after, tmp_path / "out.mp4") == [0, 0.04, 0.08, 0.12, 0.16]
    assert 0 < len(sound_packets(tmp_path / "out.mp4")) < len(sound_packets(source))
    with pytest.raises(BadVideo, match="empty"):
        open_clip(source, 2, 1)


def test_odd_sizes_keep_every_line(tmp_path):
    source = write(tmp_path / "in.mp4", [0, 40, 80, 120], size=(63, 47), pix_fmt="yuv444p")
    before, after = copy(source, tmp_path / "out.mp4")
    assert before[0].pixels.shape == (47, 63, 3) and after[0].pixels.shape == (48, 64, 3)
    assert np.abs(after[2].pixels[:47, :63].astype(int) - before[2].pixels).mean() < 3


def test_a_turned_video_is_upright(tmp_path):
    source = write(tmp_path / "in.mp4", [0, 40, 80, 120])
    data = bytearray(source.read_bytes())
    at = data.index(b"tkhd") + 44  # the matrix of the track's header, ISO 14496-12: a quarter turn clockwise
    numbers = (0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    data[at : at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)
    source.write_bytes(data)
    before, after = copy(source, tmp_path / "out.mp4")
    assert before[0].pixels.shape == (64, 48, 3)
    red = before[0].pixels[:8, -8:].mean((0, 1))
    assert red[0] > 180 and red[1] < 60, "the corner at the top left is now at the top right"
    assert after[0].pixels.shape == (64, 48, 3)


def test_no_sound_and_one_frame(tmp_path):
    before, after = copy(write(tmp_path / "in.mp4", [0]), tmp_path / "out.mp4")
    assert len(before) == len(after) == 1


def test_what_is_no_video_is_refused(tmp_path):
    text, sound = tmp_path / "text.mp4", tmp_path / "sound.mp4"
    text.write_text("not a video")
    whole = write(tmp_path / "whole.mp4", [0, 40])
    (tmp_path / "headless.mp4").write_bytes(whole.read_bytes()[:-300])  # its index is at the end
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        part.rate = 16000
        container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    for path in (text, sound, tmp_path / "headless.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(BadVideo):
            open_clip(path)


def test_a_file_that_ends_early_gives_what_it_has(tmp_path):
    source = write(tmp_path / "in.mkv", list(range(0, 2000, 40)))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    assert 0 < len(list(read_frames(open_clip(cut)))) < 50


def test_the_file_says_that_ai_was_at_work(tmp_path):
    copy(write(tmp_path / "in.mp4", [0, 40, 80, 120]), tmp_path / "out.mp4")
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out.mp4").read_bytes()
