"""Labels of edited faces, and the figures and the loss that are made of them."""

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.training import attributes, captions, edited_data, edited_report, edited_tuning
from styleclip_core.training.attributes import RECIPES
from styleclip_core.training.face_clip_data import Data

A = captions.ATTRIBUTES
SMILE = ("bs_mouthSmileLeft", "bs_mouthSmileRight")


def measured_names():
    """The measurements that recipes are made of, and those that `attributes.derived` makes others of."""

    class Needed(dict):
        def __missing__(self, name):
            self[name] = np.zeros(1)
            return self[name]

    needed = Needed()
    made = attributes.derived(needed)
    return sorted(
        needed.keys() | {name for recipe in edited_data.pixel_recipes().values() for name in recipe} - made.keys()
    )


@pytest.fixture
def folders(tmp_path):
    """Measurements of 1,020 random faces; one face moved by a slider, and two optimised for smiles."""
    names, rng = measured_names(), np.random.default_rng(0)
    random = rng.standard_normal((1020, len(names))).astype(np.float32)
    np.savez(tmp_path / "measurements.npz", names=names, values=random)
    base = random[:1].repeat(2, 0)
    base[1, [names.index(name) for name in SMILE]] += 3
    for folder in ("effects", "optimised"):
        (tmp_path / folder / "img").mkdir(parents=True)
    np.savez(tmp_path / "effects" / "0_0001.npz", names=names, values=base, experts=np.array([7]))
    for number in (0, 1):
        file = tmp_path / "optimised" / f"{number:04d}.npz"
        np.savez(file, names=names, values=base, prompts=["", "a smiling person"])
    pictures = ["effects/img/0001_-1", "effects/img/0001_7"]
    pictures += [f"optimised/img/{number:04d}_{row}" for number in (0, 1) for row in (0, 1)]
    for picture in pictures:
        Image.new("RGB", (8, 8)).save(tmp_path / f"{picture}.webp")
    scores = np.full((1020, len(A)), np.nan, np.float32)
    scores[:, A.index("smiling")] = random[:, [names.index(name) for name in SMILE]].mean(1)
    return tmp_path, scores


def load(folders):
    folder, scores = folders
    return edited_data.load_edited(folder / "measurements.npz", folder / "effects", folder / "optimised", scores)


def test_edits_are_labelled_by_pixels_in_deviations_of_random_faces(folders):
    edited = load(folders)
    smile = edited.scores[:, A.index("smiling")]
    assert edited.before.tolist() == [0, 0, 2, 2, 4, 4] and edited.edited.tolist() == [False, True] * 3
    assert all(smile[1::2] - smile[::2] > 2) and edited.reliability[A.index("smiling")] > 0.99
    assert np.isnan(edited.scores[:, A.index("hat")]).all()  # only W's scorers tell of hats
    assert edited.prompts.tolist() == ["", "", "", "a smiling person", "", "a smiling person"]


def test_a_face_is_held_out_with_all_of_its_edits(folders):
    edited = load(folders)
    assert edited.held_out.tolist() == [False, False, True, True, False, False]
    rest = edited.rows(~edited.held_out)
    assert rest.before.tolist() == [0, 0, 2, 2] and len(rest.images) == 4 and not rest.held_out.any()


def test_recipes_of_pixels_name_no_scorer():
    recipes = edited_data.pixel_recipes()
    assert "hat" not in recipes and "smiling" in recipes and set(recipes) < set(RECIPES)
    assert not any(name.startswith("w:") for recipe in recipes.values() for name in recipe)


def test_scores_that_follow_the_labels_cost_least_and_unknown_labels_nothing():
    claims = torch.zeros(len(A), 3)
    claims[A.index("smiling"), 0], claims[A.index("smiling"), 1], claims[A.index("hat"), 2] = 1, -1, 1
    changes = torch.full((1, len(A)), float("nan"))
    changes[0, A.index("smiling")] = 2.0
    before, one = torch.zeros(1, 3), torch.ones(3)

    def loss(*rises):
        return edited_tuning.change_loss(before, torch.tensor([rises]), one, changes, claims, torch.ones(len(A)))

    right = 2 * edited_tuning.SLOPE
    assert loss(right, -right, 5.0) == loss(right, -right, 0.0) == 0
    assert loss(0.0, -right, 0.0) > 0 and loss(right, right, 0.0) > loss(right, 0.0, 0.0) > 0


def test_rises_without_the_attribute_and_attributes_unseen_are_counted():
    without, unseen = edited_report.misread(np.array([2.0, 2.0, 0.0, 0.0]), np.array([1.5, 0.0, 1.5, 0.0]))
    assert without == 0.5 and unseen == 0.5


def test_tuning_follows_the_labels_of_edits_and_leaves_the_model_it_began_with(folders, monkeypatch):
    edited = load(folders)
    draw = torch.Generator().manual_seed(0)
    monkeypatch.setattr(
        edited_tuning, "embed_captions", lambda model, pool: torch.randn(len(pool), 384, generator=draw)
    )
    _, scores = folders
    images, ones = torch.zeros(len(scores), 3, 1, 1, dtype=torch.uint8), np.ones_like(scores)
    data = Data(images, scores, captions.holds(scores), ones, torch.zeros(len(scores), 512), ones)
    features = torch.randn(len(scores), 1280, generator=draw), torch.randn(6, 1280, generator=draw)
    model, logged = FaceCLIP().eval(), []
    before = model.image_head.weight.clone()
    settings = edited_tuning.TuneSettings(steps=51, faces=16, pairs=2, texts=60, pool=60, rate=5e-3, changes=3.0)
    tuned = edited_tuning.tune(model, data, edited, features, settings, logged.append)
    first, last = (float(line.rsplit(" ", 1)[1]) for line in (logged[0], logged[-1]))
    assert last < first and torch.equal(model.image_head.weight, before)
    assert not torch.equal(tuned.image_head.weight, before) and not tuned.image_head.weight.requires_grad
