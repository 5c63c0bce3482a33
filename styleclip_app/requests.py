"""What users ask for: edits of a face as plain data. A request that exists has valid texts and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from styleclip_core import Edit, Face, LocalSettings, OptimizeSettings, Progress, Studio
from styleclip_core.edits.local import EditMask
from styleclip_core.edits.sliders import check_values
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.settings import check_prompt


class EditRequest(Protocol):
    """An edit of a face that is not known yet. It is pickled where GPUs are lent, so it holds no tensors of a GPU."""

    def check(self, studio: Studio) -> None:
        """Raise the StudioError that the pack has against it, before a face is looked for."""
        ...

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        """Edit the face: Progress on the way, the Edit at the end."""
        ...


@dataclass(frozen=True)
class Region:
    """Where an edit may show.

    Attributes:
        name: as `Studio.region` reads it; "auto" is what the prompt speaks of.
        mask: a picture, or a file of one, that takes the place of the name.
        settings: how the outline is moved and softened.
    """

    name: str = "auto"
    mask: Any = None
    settings: LocalSettings = field(default_factory=LocalSettings)

    def find(self, studio: Studio, face: Face, prompt: str = "") -> EditMask:
        """The region of a face. Raises UnknownRegion, UnsupportedByPack, BadImage."""
        return studio.region(face, self.name, prompt, self.mask, self.settings)


@dataclass(frozen=True)
class PromptEdit:
    """An edit by a prompt (path A), in a region only if one is given (path C). Raises EmptyPrompt, BadPrompt."""

    prompt: str
    settings: OptimizeSettings = field(default_factory=OptimizeSettings)
    region: Region | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", check_prompt(self.prompt))

    def check(self, studio: Studio) -> None:
        """Every pack takes any prompt."""

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        mask = self.region and self.region.find(studio, face, self.prompt)
        yield from studio.optimize_steps(face, self.prompt, self.settings, mask)


@dataclass(frozen=True)
class SlidersEdit:
    """An edit by sliders (path B), in a region only if one is given. Raises BadSetting.

    Attributes:
        values: slider -> strength, see `edits.sliders`.
        own: the user's mappers, by the names that ``values`` call them.
    """

    values: Mapping[str, float]
    own: Mapping[str, LevelsMapper] = field(default_factory=dict)
    region: Region | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", check_values(self.values))

    def check(self, studio: Studio) -> None:
        """Raises BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt."""
        studio.check_sliders(self.values, self.own)

    def steps(self, studio: Studio, face: Face) -> Iterator[Progress | Edit]:
        yield studio.slide(face, self.values, self.own, self.region and self.region.find(studio, face))
