"""What a user brings to the full pack, and what it measures itself: sliders as soon as they are there."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from styleclip_core import BadCheckpoint, BadSetting, Pack, Studio, UnsupportedByPack, cli
from styleclip_core.checkpoints import save_mapper
from styleclip_core.edits import global_directions, hairclip, relevance, sliders
from styleclip_core.edits.hair_color import hair_mask
from styleclip_core.faces import load_photo
from styleclip_core.faces.crop import cut_out
from styleclip_core.images import to_tensor
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.networks.mapper import LevelsMapper, StyleSpaceMapper
from styleclip_core.training import mapper as mapper_training
from support.full_pack import PORTRAIT

QUICK = {"FACES_CPU": 1, "AXES_CPU": 2}


@pytest.fixture
def own(pack: Pack, tmp_path: Path) -> Pack:
    """The pack with empty folders of its own."""
    return replace(pack, directions=tmp_path / "directions", own_mappers=tmp_path / "mappers", fs3=None)


def test_prompt_sliders_work_as_installed(own: Pack, face, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK.items():
        monkeypatch.setattr(relevance, name, value)
    assert global_directions.known_relevance(own) is None
    assert sliders.check(own, {"style:an old person": 1}), "known to be possible, before anything is measured"
    edit = Studio(own).slide(face, {"style:an old person": 1})
    assert edit.state.styles is not None
    files = [file.name for file in own.directions.iterdir()]
    assert files == [f"relevance-{own.fingerprint}.safetensors"]
    monkeypatch.setattr(relevance, "measure", None)  # kept: not measured again
    known = global_directions.relevance(replace(own))
    assert len(known.deviations) == sum(own.generator.style_sizes) and known.changes.isfinite().all()
    assert global_directions.known_relevance(replace(own, fingerprint="another")) is None


def test_an_official_fs3_is_used(own: Pack, face, tmp_path: Path) -> None:
    rows = sum(size for size, rgb in zip(own.generator.style_sizes, own.generator.rgb_styles, strict=True) if not rgb)
    np.save(tmp_path / "fs3.npy", np.random.default_rng(0).standard_normal((rows, 512)).astype(np.float32))
    found = Studio(own).direction("an old person", fs3=tmp_path / "fs3.npy")
    given = replace(own, fs3=tmp_path / "fs3.npy")
    assert torch.equal(Studio(given).direction("an old person").scores, found.scores)
    assert global_directions.known_relevance(given).official and found.unit == global_directions.OFFICIAL_UNIT
    np.save(tmp_path / "fs3.npy", np.ones((6048, 512), np.float32))
    with pytest.raises(BadCheckpoint, match="6048 channels of a StyleGAN2 of 1024 px"):
        Studio(own).direction("an old person", fs3=tmp_path / "fs3.npy")


def test_mappers_in_the_folder_are_sliders(own: Pack, face) -> None:
    assert not any(slider.key.startswith("mapper:") for slider in sliders.available(own))
    own.own_mappers.mkdir()
    torch.manual_seed(0)
    save_mapper(LevelsMapper(["fine"]), own.own_mappers / "purple_hair.pt")
    styles = StyleSpaceMapper({i: size for i, size in enumerate(own.generator.style_sizes)})
    state = {f"mapper.{name}": value for name, value in styles.state_dict().items()}
    torch.save({"state_dict": state, "opts": {}}, own.own_mappers / "styles.pt")
    (own.own_mappers / "notes.pt").write_text("no mapper")
    keys = [slider.key for slider in sliders.available(own) if slider.key.startswith("mapper:")]
    assert keys == ["mapper:purple_hair", "mapper:styles"]
    code = face.w_plus[None]
    moved, in_style = sliders.move(own, code, {"mapper:purple_hair": 1, "mapper:styles": -0.5})
    assert (moved[:, 8:] != code[:, 8:]).any() and torch.equal(moved[:, :8], code[:, :8])
    before, after = own.generator.styles(code), own.generator.styles(moved)
    wanted = [part - 0.05 * step for part, step in zip(after, styles(before), strict=True)]
    assert all(torch.allclose(part, want, atol=1e-4) for part, want in zip(in_style, wanted, strict=True))
    with pytest.raises(BadCheckpoint, match="notes.pt"):
        sliders.check(own, {"mapper:notes": 1})


def test_a_mapper_of_another_generators_stylespace_is_refused(own: Pack) -> None:
    wrong = StyleSpaceMapper({0: 7})
    with pytest.raises(UnsupportedByPack, match="of another generator"):
        sliders.check(own, {"mapper:wrong": 1}, {"wrong": wrong})


def test_hairclips_sliders(own: Pack, face) -> None:
    with pytest.raises(UnsupportedByPack, match="hairclip.pt"):
        sliders.check(own, {"hairstyle:mohawk": 1})
    own.own_mappers.mkdir()
    torch.manual_seed(0)
    mapper = HairMapper().eval()
    state = {f"mapper.{name}": value for name, value in mapper.state_dict().items()}
    torch.save({"state_dict": state, "opts": {}}, own.own_mappers / "hairclip.pt")
    keys = [slider.key for slider in sliders.available(own)]
    counts = [sum(key.startswith(f"{source}:") for key in keys) for source in hairclip.NAMES]
    assert counts == [44, 12] and "mapper:hairclip" not in keys
    assert sliders.check(own, {"hairstyle:mohawk": 1, "haircolor:pink": 0.5})
    for wrong, says in [
        ({"hairstyle:wig": 1}, "no hairstyle 'wig'"),
        ({"hairstyle:mohawk": 1, "hairstyle:afro": 1}, "one hairstyle at a time"),
    ]:
        with pytest.raises(BadSetting, match=says):
            sliders.check(own, wrong)
    with pytest.raises(UnsupportedByPack, match="hairstyle:NAME"):
        sliders.check(own, {"mapper:hairclip": 1})

    code = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(1))
    style, color = own.clip.encode_raw_text(["mohawk hairstyle"]), own.clip.encode_raw_text(["pink hair"])
    both, _ = sliders.move(own, code, {"hairstyle:mohawk": 1, "haircolor:pink": 1})
    assert torch.allclose(both, code + 0.1 * mapper(code, style, color), atol=1e-5)
    alone, _ = sliders.move(own, code, {"haircolor:pink": 2})
    assert torch.allclose(alone, code + 0.2 * mapper(code, None, color), atol=1e-5)


class LeftIsHair:
    """A parser to whom the left half of every picture is hair, and the rest skin."""

    def parse(self, images: torch.Tensor) -> torch.Tensor:
        probabilities = torch.zeros(len(images), len(CLASSES), *images.shape[-2:])
        middle = images.shape[-1] // 2
        probabilities[:, CLASSES.index("hair"), :, :middle] = 1
        probabilities[:, CLASSES.index("skin"), :, middle:] = 1
        return probabilities


def test_hairclip_takes_the_hair_of_a_photo(own: Pack, face) -> None:
    with pytest.raises(UnsupportedByPack, match="hairclip.pt"):
        Studio(own).hair_of(PORTRAIT)
    own.own_mappers.mkdir()
    torch.manual_seed(0)
    mapper = HairMapper().eval()
    state = {f"mapper.{name}": value for name, value in mapper.state_dict().items()}
    torch.save({"state_dict": state, "opts": {}}, own.own_mappers / "hairclip.pt")
    studio = Studio(replace(own, parser=LeftIsHair()))
    hair = studio.hair_of(PORTRAIT)

    # As the original: grey where there is no hair, averaged down to CLIP's square, normalised; the vector is not.
    picture = to_tensor(cut_out(load_photo(PORTRAIT), "face", own.generator.resolution)[0])
    picture = picture * hair_mask(studio.pack, picture)
    pixels = torch.nn.AdaptiveAvgPool2d(224)(picture) * 0.5 + 0.5
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    with torch.no_grad():
        normal = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
        seen = own.clip.model.encode_image(normal)
        code = face.w_plus[None]
        both, color = mapper(code, seen, seen), mapper(code, None, seen)
    assert torch.allclose(hair.seen, seen, atol=1e-4) and abs(seen.norm() - 1) > 0.01
    edit = studio.hair_from(face, hair)
    assert torch.allclose(edit.state.w_plus[None], code + 0.1 * both, atol=1e-4) and edit.mask is not None
    edit = studio.hair_from(face, hair, shape=False)
    assert torch.allclose(edit.state.w_plus[None], code + 0.1 * color, atol=1e-4)


def test_a_trained_mapper_is_a_slider_of_the_pack(own: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("styleclip_core.packs.load_pack", lambda *_: own)
    few = functools.partial(mapper_training.MapperSettings, faces=2, held_out=1)
    monkeypatch.setattr(mapper_training, "MapperSettings", few)
    command = ["train-mapper", "an old person", "--name", "old", "--steps", "1", "--losses", "official"]
    assert cli.main([*command, "--pack", "full"]) == 0
    assert (own.own_mappers / "old.pt").is_file() and not (own.own_mappers / "old.resume.pt").exists()
    assert "mapper:old" in [slider.key for slider in sliders.available(own)]
    assert sliders.shipped_mapper(own, "old").opts["losses"] == "official"
