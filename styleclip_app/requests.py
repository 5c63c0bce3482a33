"""What users ask for: edits of a face as plain data. A request that exists has valid texts and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from styleclip_core import Edit, Face, LocalSettings, OptimizeSettings, Progress, Studio
from styleclip_core.batch import work
from styleclip_core.edits.hair import Hair
from styleclip_core.edits.local import EditMask, edit_mask, place_name, read_mask
from styleclip_core.edits.recipe import Recipe
from styleclip_core.edits.sliders import check_values
from styleclip_core.errors import BadImage, BadSetting
from styleclip_core.faces.photo import load_mask
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.settings import check_prompt


class EditRequest(Protocol):
    """An edit of a face that is not known yet. It is pickled where GPUs are lent, so it holds no tensors of a GPU."""

    @property
    def recipe(self) -> Recipe:
        """What is asked for, as it can be kept."""
        ...

    def check(self, studio: Studio) -> None:
        """Raise the StudioError that the pack has against it, before a face is looked for."""
        ...

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        """Edit the face: Progress on the way, the Edit at the end."""
        ...


@dataclass(frozen=True)
class Region:
    """A region that somebody painted: where an edit may show.

    Attributes:
        mask: a picture of the aligned face, or a file of one: bright, or painted on transparency, inside.
        settings: how the outline is moved and softened.
    """

    mask: Any
    settings: LocalSettings = field(default_factory=LocalSettings)

    def read(self) -> EditMask:
        """Raises UnknownRegion if nothing is painted, BadImage."""
        return edit_mask(read_mask(self.mask), self.settings)


@dataclass(frozen=True)
class PromptEdit:
    """An edit by a prompt (path A), confined to a place (path C). Raises EmptyPrompt, BadPrompt.

    Attributes:
        region: the place's name, as `Studio.optimize` reads it.
        painted: replaces the name.
        anyway: try a prompt of which the model knows nothing.
    """

    prompt: str
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)
    region: str = "auto"
    painted: Region | None = None
    anyway: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", check_prompt(self.prompt))

    @property
    def recipe(self) -> Recipe:
        return Recipe(self.prompt, self.region, self.settings, **_painted(self.painted))

    def check(self, studio: Studio) -> None:
        """Raises UnknownRegion, UnsupportedByPack, BadImage, UnknownPrompt."""
        if self.painted:
            self.painted.read()
        else:
            place_name(studio.pack, self.region)
        if not self.anyway:
            studio.check_known(self.prompt)

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        mask = self.painted and self.painted.read()
        yield from studio.optimize_steps(face, self.prompt, self.settings, mask, self.region)


@dataclass(frozen=True)
class SlidersEdit:
    """An edit by sliders (path B), everywhere or within a mask. Raises BadSetting.

    Attributes:
        values: slider -> strength, see `edits.sliders`.
        own: the user's mappers, by the names that ``values`` call them.
    """

    values: Mapping[str, float]
    own: Mapping[str, LevelsMapper] = field(default_factory=dict)
    painted: Region | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", check_values(self.values))

    @property
    def recipe(self) -> Recipe:
        return Recipe(sliders=self.values, **_painted(self.painted))

    def check(self, studio: Studio) -> None:
        """Raises BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt, UnknownRegion, BadImage."""
        studio.check_sliders(self.values, self.own)
        if self.painted:
            self.painted.read()

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        yield studio.slide(face, self.values, self.own, self.painted and self.painted.read())


@dataclass(frozen=True)
class RecipeEdit:
    """An edit by sliders, and then by a prompt if there is one, as `styleclip batch` makes it.

    Attributes:
        anyway: try a prompt of which the model knows nothing.
    """

    recipe: Recipe
    anyway: bool = False

    def check(self, studio: Studio) -> None:
        """Raises BadSetting, UnknownMapper, UnsupportedByPack, BadPrompt, UnknownRegion, UnknownPrompt."""
        work.check_edit(studio, self.recipe, self.anyway)

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        yield work.apply(studio, face, self.recipe)


@dataclass(frozen=True)
class HairEdit:
    """The hair of another photo (`Studio.hair_from`). Raises BadImage if there is no photo, BadSetting.

    Attributes:
        hair: what `check` read of the photo.
    """

    photo: Any
    shape: bool = True
    color: bool = True
    hair: Hair | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.photo is None:
            raise BadImage("Choose the photo with the hair first.")
        if not (self.shape or self.color):
            raise BadSetting("Choose what to take of the hair: its shape, its colour, or both.")

    @property
    def recipe(self) -> Recipe:
        return Recipe(note="hair from another photo")

    def check(self, studio: Studio) -> None:
        """Raises BadImage, NoFaceFound, UnknownRegion, UnsupportedByPack."""
        object.__setattr__(self, "hair", studio.hair_of(self.photo))

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        yield studio.hair_from(face, self.hair or self.photo, self.shape, self.color)


def _painted(region: Region | None) -> dict[str, Any]:
    """What a recipe says of a painted region."""
    return {"mask": load_mask(region.mask), "confine": region.settings} if region else {}
