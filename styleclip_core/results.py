"""What the studio's verbs give: faces, edits, and the state that a picture was drawn from."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.edits.local import EditMask
from styleclip_core.errors import BadCheckpoint
from styleclip_core.faces import Alignment, cut
from styleclip_core.faces.changes import Report
from styleclip_core.provenance import Source, save_picture

SHARP = 500  # px: sides of aligned squares in photos from which they are sharp enough to be shown alone
MAX_STATE_BYTES = 1 << 30  # of a file of a drawn state, unpacked


@dataclass(frozen=True, eq=False)
class DrawnState:
    """What a picture was drawn from: enough to draw it again, bit for bit on the same machine. All on the CPU.

    Attributes:
        w_plus: the code ``[L,512]``.
        styles: style vectors ``[1,C_i]`` that were drawn instead of the code's own, or None.
        weights: what the generator was adapted by (`networks.adapted`), in half precision.
        mask: where the edit shows, or None: everywhere.
        start: the state outside the mask, or None where there is no mask.
    """

    w_plus: Tensor
    styles: tuple[Tensor, ...] | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)
    mask: EditMask | None = None
    start: DrawnState | None = None


@dataclass(frozen=True, eq=False)
class Face:
    """A face (or a car or a church, whatever the pack draws) that can be edited.

    Attributes:
        w_plus: its code ``[L,512]``, on the CPU.
        image: the generator's picture of it, 1024 x 1024 (512 x 512 of a car, 256 x 256 of a church).
        photo: the photo it came from, or None for a face of the generator.
        aligned: the aligned part of the photo, 1024 x 1024 (of cars and churches as large as ``image``), or None.
        alignment: how the aligned square lies in the photo, or None.
        faces: how many faces the photo has.
        distance: LPIPS-like distance of ``image`` to ``aligned`` (0 is identical), or None.
        seconds: how long the inversion took.
        weights: what the generator was adapted to the photo by (`networks.adapted`), in half precision on the CPU.
    """

    w_plus: Tensor
    image: Image.Image
    photo: Image.Image | None = None
    aligned: Image.Image | None = None
    alignment: Alignment | None = None
    faces: int = 1
    distance: float | None = None
    seconds: float = 0.0
    weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def state(self) -> DrawnState:
        """What ``image`` was drawn from."""
        return DrawnState(self.w_plus, weights=self.weights)

    @property
    def source(self) -> Source:
        """What the files of this face and of its edits say they came about by."""
        return Source.GENERATED if self.photo is None else Source.EDITED

    def save(self, path: str | Path, badge: bool = False) -> None:
        """Write ``image``; for formats and errors see `provenance.save_picture`."""
        save_picture(self.image, path, self.source, badge)


@dataclass(frozen=True, eq=False)
class Edit:
    """An edited face.

    Attributes:
        image: the edited picture, aligned, as large as the face's.
        photo: the edit pasted back into the photo; ``image`` where there is no photo.
        state: what ``image`` was drawn from.
        mask: where a local edit applies ("L"), or None.
        scores: ``similarity_before``, ``similarity_after`` (standard deviations above random faces),
            ``clip_before``, ``clip_after`` (cosines), ``identity`` (cosine to the unedited face; of faces only),
            ``distance`` (LPIPS-like) and ``seconds``.
        face: the face that was edited.
        report: what measurably changed, by readings that no loss sees; None where no face can be read.
    """

    image: Image.Image
    photo: Image.Image
    state: DrawnState
    mask: Image.Image | None = None
    scores: dict[str, float] = field(default_factory=dict)
    face: Face | None = None
    report: Report | None = None

    def save(self, path: str | Path, aligned: bool = False, badge: bool = False) -> None:
        """Write ``photo``, or ``image`` if ``aligned``; for formats and errors see `provenance.save_picture`."""
        source = self.face.source if self.face else Source.EDITED
        save_picture(self.image if aligned else self.photo, path, source, badge)

    @property
    def face_in_photo(self) -> Image.Image:
        """The edited face as it is in the photo, in the photo's colours and with its detail, as large as ``image``.

        Where the photo shows the face small, or there is no photo, it is ``image``, which is sharper.
        """
        face = self.face
        if face is None or face.photo is None or face.alignment is None or face.alignment.side < SHARP:
            return self.image
        return cut(self.photo, face.alignment)

    @property
    def latent(self) -> Tensor:
        """The code that the edit was drawn from, ``[L,512]``; with `state.styles` these were drawn instead."""
        return self.state.w_plus


def save_state(state: DrawnState, path: str | Path) -> None:
    """Write what a picture was drawn from as a .npz file of plain arrays; `load_state` reads it.

    ``w_plus`` is there always; ``styles.I``, ``weights.NAME``, ``mask``, ``shared`` and ``start.*`` where they apply.
    """
    np.savez_compressed(path, **_arrays(state, ""))  # type: ignore[arg-type]


def load_state(path: str | Path) -> DrawnState:
    """Read a file that `save_state` wrote. No code in it is run. Raises BadCheckpoint."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_STATE_BYTES:
                raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name]) for name in file.files}
        for name, value in arrays.items():
            if not value.isfinite().all() or not (value.is_floating_point() or name.endswith("shared")):
                raise ValueError(f"{name} does not hold finite numbers")
        return _state(arrays)
    except Exception as error:  # a damaged or hostile file can fail in any way
        raise BadCheckpoint(f"{Path(path).name} is not a code that this program saved ({error}).") from error


def _arrays(state: DrawnState, prefix: str) -> dict[str, np.ndarray]:
    arrays = {f"{prefix}w_plus": state.w_plus.numpy()}
    arrays |= {f"{prefix}styles.{i}": style.numpy() for i, style in enumerate(state.styles or ())}
    arrays |= {f"{prefix}weights.{name}": value.numpy() for name, value in state.weights.items()}
    if state.mask and state.start:
        arrays[f"{prefix}mask"], arrays[f"{prefix}shared"] = state.mask.mask.numpy(), np.array(state.mask.shared)
        arrays |= _arrays(state.start, f"{prefix}start.")
    return arrays


def _state(arrays: dict[str, Tensor]) -> DrawnState:
    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}

    w_plus, styles, start = arrays["w_plus"].float(), part("styles."), part("start.")
    if w_plus.ndim != 2 or w_plus.shape[1] != 512:
        raise ValueError(f"w_plus must be [L,512], not {list(w_plus.shape)}")
    ordered = tuple(styles[str(i)].float() for i in range(len(styles))) or None
    if any(style.ndim != 2 or len(style) != 1 for style in ordered or ()):
        raise ValueError("style vectors must be [1,C]")
    if "mask" not in arrays or not start:
        return DrawnState(w_plus, ordered, part("weights."))
    mask = EditMask(arrays["mask"].float().reshape(1, 1, 1024, 1024), int(arrays["shared"]))
    if mask.mask.min() < 0 or mask.mask.max() > 1:
        raise ValueError("the mask must be from 0 to 1")
    return DrawnState(w_plus, ordered, part("weights."), mask, _state(start))
