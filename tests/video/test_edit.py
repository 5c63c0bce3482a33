"""A face edited through a short clip: only the face changes, length and sound stay, broken work goes on."""

from pathlib import Path

import numpy as np
import pytest

from styleclip_core.errors import BadSetting, BadVideo, NoFaceFound
from styleclip_core.faces.readings import read
from styleclip_core.progress import Progress
from styleclip_core.settings import VideoSettings
from styleclip_core.steps import last_of
from styleclip_core.video import Wish, edit_video, edit_video_steps
from styleclip_core.video.container import open_clip
from styleclip_core.video.synthetic import Scene, write_clip
from styleclip_core.video.track import Track, track_steps
from video.conftest import SIZE, SLIDERS, pixels
from video.test_container import sound_packets


def track_of(studio, path: Path) -> Track:
    return last_of(track_steps(open_clip(path), studio.pack, VideoSettings()))


def test_the_face_smiles_and_the_rest_stays(studio, clip, edited):
    before, after = pixels(clip), pixels(edited.path)
    assert before.shape == after.shape and (edited.frames, edited.edited) == (10, 10)
    changed = np.abs(before.astype(int) - after).max(-1)
    assert changed[:, :, :30].mean() < 4 < changed.max(), "the background differs by the compression only"
    track = track_of(studio, clip)
    from PIL import Image

    from styleclip_core.faces import cut

    for number in (2, 7):
        alignment = track.alignment(number, SIZE, 256)
        a, b = (read(cut(Image.fromarray(each[number]), alignment), None) for each in (before, after))
        assert a and b and b["smile"] > a["smile"] + 0.15


def test_length_and_sound_are_the_input_s(clip, edited):
    import av

    assert sound_packets(edited.path) == sound_packets(clip)
    durations = []
    for path in (clip, edited.path):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            durations.append((stream.frames, float(stream.duration * stream.time_base)))
    assert durations[0] == durations[1] and durations[0][0] == 10


def test_broken_work_goes_on_and_ends_the_same(studio, clip, tmp_path):
    settings, wish = VideoSettings(segment=4, maps=0.5, stride=3), Wish(sliders=SLIDERS)
    steps, out = edit_video_steps(studio, clip, tmp_path / "broken.mp4", wish, settings), tmp_path / "broken.mp4"
    for step in steps:
        if isinstance(step, Progress) and step.stage == "Drawing" and step.step == 6:
            break
    steps.close()
    work = tmp_path / ".broken.mp4.work"
    assert not out.exists() and (work / "part_00000.mp4").exists() and not (work / "part_00001.mp4").exists()
    again = [step for step in edit_video_steps(studio, clip, out, wish, settings) if isinstance(step, Progress)]
    assert again[0].stage == "Drawing" and again[0].step == 5 and not work.exists()
    last_of(edit_video_steps(studio, clip, tmp_path / "whole.mp4", wish, settings))
    assert (pixels(out) == pixels(tmp_path / "whole.mp4")).all()


def test_frames_without_a_face_stay_as_they_are(studio, tmp_path):
    source = write_clip(studio.pack, Scene(14, size=SIZE, seed=4, empty=(5, 12), crf=5, grain=0), tmp_path / "in.mp4")
    made = edit_video(studio, source, tmp_path / "out.mp4", sliders=SLIDERS)
    assert made.edited in (6, 7) and any("no face" in note for note in made.notes)
    before, after = pixels(source), pixels(made.path)
    change = np.abs(before.astype(int) - after).mean((1, 2, 3))
    assert change[5:11].max() < 2 < change[:3].max() + 1
    assert change[:5].argmin() == 4, "the edit fades out before the face goes"


def test_cuts_and_others(studio, tmp_path):
    source = write_clip(studio.pack, Scene(8, size=(320, 192), seed=4, cut=4, second=True), tmp_path / "in.mp4")
    track = track_of(studio, source)
    assert track.shots.tolist() == [0] * 4 + [1] * 4 and len(track.runs) == 2
    assert track.others and any("shots" in note for note in track.notes)
    for first, last in zip(track.squares[:-1], track.squares[1:], strict=True):
        assert np.linalg.norm(first[0] - last[0]) < 60, "it is the same person before and after the cut"


def test_what_hides_the_face_is_not_painted_over(studio, tmp_path):
    scene = Scene(5, size=SIZE, seed=4, occluded=(0, 5), crf=5, grain=0, motion=0.2)
    source = write_clip(studio.pack, scene, tmp_path / "in.mp4")
    try:
        made = edit_video(studio, source, tmp_path / "out.mp4", sliders={"mapper:blond_hair": 1.5, "mapper:beard": 1.5})
    except NoFaceFound:
        pytest.skip("the detector sees no face behind it")
    before, after = pixels(source)[2].astype(int), pixels(made.path)[2]
    hidden = np.abs(before - (40, 90, 60)).max(-1) < 12
    assert hidden.sum() > 1000 and np.abs(before - after)[hidden].mean() < 9, "shaded a little at most"


def test_one_frame_without_sound(studio, tmp_path):
    source = write_clip(studio.pack, Scene(1, size=SIZE, seed=4, sound=False), tmp_path / "in.mp4")
    made = edit_video(studio, source, tmp_path / "out.mp4", sliders=SLIDERS)
    assert (made.frames, made.edited) == (1, 1) and len(pixels(made.path)) == 1


def test_what_cannot_be_done_is_refused_before_any_work(studio, clip, tmp_path):
    out = tmp_path / "out.mp4"
    for error, ask in (
        (BadSetting, {"prompt": "a smile", "sliders": SLIDERS}),
        (BadSetting, {}),
        (BadSetting, {"sliders": {"nonsense": 1}}),
    ):
        with pytest.raises(error):
            edit_video(studio, clip, out, **ask)
    with pytest.raises(BadSetting, match="must end in"):
        edit_video(studio, clip, tmp_path / "out.avi", "a smile")
    with pytest.raises(BadSetting, match="replace"):
        edit_video(studio, clip, clip, "a smile")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(BadVideo):
        edit_video(studio, tmp_path / "text.mp4", out, "a smile")
    assert not list(tmp_path.glob(".*"))


def test_no_face_at_all(studio, tmp_path):
    source = write_clip(studio.pack, Scene(2, size=SIZE, empty=(0, 2)), tmp_path / "in.mp4")
    with pytest.raises(NoFaceFound):
        edit_video(studio, source, tmp_path / "out.mp4", sliders=SLIDERS)
