"""FaceCLIP, inversion and path A with the real models."""

from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageOps
from PIL.Image import Transpose

from styleclip_core import (
    BadPrompt,
    BadSetting,
    Edit,
    EmptyPrompt,
    InvertSettings,
    OptimizeSettings,
    Progress,
    UnknownPack,
    UnsupportedByPack,
    load_pack,
    load_studio,
    steps,
)
from styleclip_core.edits import invert as inversion
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits.objective import make_objective
from styleclip_core.images import to_image, to_tensor
from styleclip_core.results import DrawnState
from styleclip_core.steps import judge

FAST = OptimizeSettings(steps=8, views=1, resolution=128, patience=0)


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio):
    return studio.random_face(7)


def test_both_towers_return_unit_vectors_of_one_space(studio, face):
    clip = studio.pack.clip
    texts = clip.encode_text(["a smiling person", "x" * 400, "😀", "ein lächelnder Mensch", "笑顔の人"])
    images = clip.encode_image(to_tensor(face.image))
    assert texts.shape[1] == images.shape[1]
    assert torch.allclose(texts.norm(dim=1), torch.ones(len(texts)), atol=1e-4)
    assert torch.allclose(images.norm(dim=1), torch.ones(1), atol=1e-4)


def test_the_text_of_a_batch_does_not_depend_on_its_neighbours(studio):
    clip = studio.pack.clip
    alone = clip.encode_text(["a man with a beard"])
    together = clip.encode_text(["a man with a beard", "a much longer sentence about an old woman with glasses"])
    assert torch.allclose(alone, together[:1], atol=1e-5)


@torch.no_grad()
def test_texts_order_faces_as_people_would(studio):
    """Directions in W that are known from StyleGAN2 are not needed: gallery faces at the ends of a text must differ."""
    clip, gallery = studio.pack.clip, studio.pack.reference_faces.embeddings
    pairs = [("an old man", "a young woman"), ("a smiling person", "a serious person"), ("blond hair", "black hair")]
    for text, opposite in pairs:
        a, b = gallery @ clip.encode_text([text, opposite]).T.unbind(1)[0], gallery @ clip.encode_text([opposite])[0]
        assert torch.corrcoef(torch.stack([a, b]))[0, 1] < -0.3, (text, opposite)


def refined(studio, face, prompt, settings):
    """All reports of path A from the face itself."""
    pack, code = studio.pack, face.w_plus[None]
    return list(path_a.optimize(pack, code, prompt, settings))


def test_path_a_raises_the_similarity_and_keeps_the_person(studio, face):
    prompt = "a smiling person" if _smile(studio, face) < 0 else "a serious person"
    code = refined(studio, face, prompt, replace(FAST, steps=16))[-1].w_plus[0]
    scores = judge(studio.pack, face.image, studio.render(DrawnState(code)), prompt)
    assert scores["similarity_after"] > scores["similarity_before"] + 0.5
    assert scores["identity"] > 0.5
    seen = studio.pack.generator.visible_layers(FAST.resolution)  # what previews do not show would drift unseen
    still = (code == face.w_plus).all(1)
    assert still[seen:].all() and not still[:seen].any()


def test_the_highest_strength_leaves_a_face(studio):
    face = studio.random_face(910_003)
    edit = studio.optimize(face, "a person with eyeglasses", OptimizeSettings(strength=2), region="everywhere")
    assert edit.scores["identity"] > 0.55, "raised further, the face breaks and keeps 0.41"


def _smile(studio, face):
    objective = make_objective(studio.pack, "a smiling person", "a face")
    return objective.score(studio.pack.clip.encode_image(to_tensor(face.image))).item()


def test_the_same_seed_gives_the_same_edit_and_another_a_different_one(studio, face):
    settings = replace(FAST, steps=3)
    first, again, other = (
        refined(studio, face, "blond hair", replace(settings, seed=seed))[-1].w_plus for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_strength_no_visible_change(studio, face):
    edit = studio.optimize(face, "a person with eyeglasses", replace(FAST, strength=0.0))
    assert torch.equal(edit.latent, face.w_plus) and edit.scores["identity"] > 0.999


def test_progress_is_reported_and_work_stops_when_nobody_listens(studio, face):
    reports = studio.optimize_steps(face, "a zombie", FAST)
    first, second = next(reports), next(reports)
    assert (first.stage, first.step, first.steps) == ("First picture", 0, 8)
    assert isinstance(second, Progress) and (second.step, second.steps) == (1, 8)
    assert second.preview.size == (256, 256) and {"clip", "identity", "preserve"} <= set(second.terms)
    reports.close()
    *_, last = studio.optimize_steps(face, "a zombie", replace(FAST, steps=2))
    assert isinstance(last, Edit)


def test_early_stop(studio, face):
    settings = replace(FAST, steps=60, strength=0.1, patience=3)
    assert 3 < len(refined(studio, face, "a smile", settings)) < 30


@pytest.mark.parametrize("prompt", ["", "   \n", None])
def test_an_empty_prompt_is_refused(studio, face, prompt):
    with pytest.raises(EmptyPrompt, match="for example"):
        studio.optimize(face, prompt, FAST)


def test_a_prompt_of_ten_thousand_characters_is_refused(studio, face):
    with pytest.raises(BadPrompt, match="10000 characters"):
        studio.optimize(face, "x" * 10_000, FAST)


@pytest.mark.parametrize(
    "change",
    [
        {"strength": float("nan")},
        {"strength": 3},
        {"steps": -1},
        {"steps": 10**6},
        {"lr": float("inf")},
        {"identity": -1},
        {"views": 99},
        {"seed": -1},
        {"strength": "a lot"},
    ],
)
def test_settings_out_of_range_are_refused(studio, face, change):
    with pytest.raises(BadSetting, match="must be"):
        studio.optimize(face, "a smile", replace(FAST, **change))


def test_inversion_comes_nearer_the_picture_and_stays_near_w(studio, face):
    pack, picture = studio.pack, to_tensor(face.image)
    encoded = steps.distance(pack, pack.generator.synthesize(pack.encoder(picture)), picture)
    seen = studio.invert(face.image, settings=InvertSettings(steps=0))
    found = studio.invert(face.image, settings=InvertSettings(steps=5))
    coded = studio.invert(face.image, settings=InvertSettings(steps=5, resolution=128, faithful=0))
    assert 0 < found.distance < seen.distance < 0.7 * encoded and found.distance < 0.4 * encoded
    assert found.distance < coded.distance < encoded and not coded.weights
    assert found.alignment is not None and found.faces == 1
    assert studio.pack.space.whiten(found.w_plus).std(0).mean() < 1


def test_packs_without_learned_steps_begin_at_the_encoders_code_and_take_more_steps(studio, face):
    pack, picture = replace(studio.pack, inverter=None), to_tensor(face.image)
    (look,) = inversion.look(pack, picture, InvertSettings())
    assert torch.equal(look.w_plus, pack.encoder(picture)) and not look.weights
    reports = list(inversion.invert(pack, picture, InvertSettings(steps=2, resolution=128)))
    assert [(report.step, report.steps) for report in reports] == [(1, 1), *((i, 6) for i in range(7))]


def test_what_no_code_says_stays_under_edits_and_with_its_face(studio, face):
    """The mirrored half is like nothing the generator draws, so no code says it."""
    photo = face.image.copy()
    photo.paste(ImageOps.mirror(photo).crop((700, 0, 1024, 1024)), (700, 0))
    found = studio.invert(photo, settings=InvertSettings(steps=6, resolution=128))
    bare, target = replace(found, weights={}), to_tensor(photo)
    for values in ({"mapper:smiling": 0}, {"mapper:smiling": 0.5}):
        whole, code = (
            steps.distance(studio.pack, to_tensor(studio.slide(f, values).image), target) for f in (found, bare)
        )
        assert whole < 0.8 * code
    assert difference(studio.render(face), face.image) == 0


def test_the_encoder_knows_a_generated_face(studio, face):
    other = studio.random_face(8)
    codes = [studio.pack.space.whiten(x.w_plus)[:16, :20] for x in (face, other)]
    seen = studio.pack.space.whiten(studio.pack.encoder(to_tensor(face.image))[0])[:16, :20]
    near, far = ((seen - code).square().mean() for code in codes)
    assert near < 0.3 * far


def test_the_same_photo_is_inverted_once(studio, face, monkeypatch):
    settings = InvertSettings(steps=1, resolution=128)
    first = studio.invert(face.image, settings=settings)
    for part in ("look", "refine"):
        monkeypatch.setattr(inversion, part, lambda *_: 1 / 0)
    again = studio.invert(face.image, settings=settings)
    assert torch.equal(first.w_plus, again.w_plus)
    look = studio.invert(face.image, settings=replace(settings, steps=0))
    assert look.distance > first.distance, "what was found on the way is remembered too"
    with pytest.raises(ZeroDivisionError):
        studio.invert(face.image, settings=replace(settings, faithful=1))
    monkeypatch.setattr(studio._inversions, "size", 1)
    for part in ("look", "refine"):
        monkeypatch.setattr(inversion, part, lambda *_: iter([Progress("", 1, 1, w_plus=first.w_plus[None])]))
    studio.invert(face.image.transpose(Transpose.FLIP_LEFT_RIGHT), settings=settings)
    assert len(studio._inversions) == 1


def test_a_refinement_goes_on_from_a_look_as_if_it_had_begun_there(studio, face):
    settings = InvertSettings(steps=2, resolution=128)
    *_, whole = inversion.invert(studio.pack, to_tensor(face.image), settings)
    again = type(studio)(studio.pack)
    again.invert(face.image, settings=replace(settings, steps=0))
    aligned = again.find_faces(face.image)[0]
    *_, other = inversion.invert(studio.pack, to_tensor(aligned), settings)
    found = again.invert(face.image, settings=settings)
    apart = (found.w_plus - other.w_plus[0]).abs()  # the look is kept in half precision, which steps amplify
    assert apart.mean() < 0.01 and apart.max() < 0.1 and whole.weights.keys() == found.weights.keys()


def test_a_tuned_generator_draws_the_photo_more_exactly_and_edits_with_it(studio, face):
    """The random face is shifted in colour, as no code of the generator is."""
    red, green, blue = face.image.split()
    photo = Image.merge("RGB", [red, green.point(lambda v: v * 0.8), blue.point(lambda v: v * 0.9)])
    settings = InvertSettings(steps=2, resolution=128)
    plain = studio.invert(photo, settings=settings)
    tuned = studio.invert(photo, settings=replace(settings, tune=8))
    assert len(plain.weights) == 2 < len(tuned.weights) and torch.equal(plain.w_plus, tuned.w_plus)
    assert tuned.distance < plain.distance
    assert difference(studio.render(tuned), tuned.image) < 1.5 < difference(tuned.image, plain.image)
    assert difference(studio.render(plain), plain.image) == 0  # the pack's own generator is as it was
    edit = studio.optimize(tuned, "a smiling person", replace(FAST, steps=1, strength=0.01))
    assert difference(edit.image, tuned.image) < difference(edit.image, plain.image)


def difference(a, b):
    return (to_tensor(a) - to_tensor(b)).abs().mean().item() * 127.5


def test_a_face_that_the_photo_does_not_have(studio, face):
    with pytest.raises(BadSetting, match="choose one from 0 to 0"):
        studio.invert(face.image, face=3)


def test_packs_and_devices_that_do_not_exist():
    with pytest.raises(UnknownPack, match="choose compact"):
        load_pack("huge")
    with pytest.raises(UnsupportedByPack, match="cannot be used here"):
        load_pack("compact", "cuda:99")


def test_pictures_survive_the_way_through_tensors(face):
    assert to_image(to_tensor(face.image)).tobytes() == face.image.tobytes()
