"""`edit --method instruct-pix2pix`: the aligned face through a diffusion model, and back into the photo."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from styleclip_core.cli.common import EditFiles, write
from styleclip_core.errors import BadSetting
from styleclip_core.settings import InstructSettings

if TYPE_CHECKING:
    from styleclip_core.edits.local import EditMask


def instruct(
    photo: str,
    instruction: str,
    settings: InstructSettings,
    files: EditFiles,
    mask: EditMask | None,
    number: int,
    device: str,
) -> None:
    """Edit the face of that number in a photo, and write what was asked for. It needs no pack, and has no code.

    Raises BadSetting, BadImage, NoFaceFound; see `edits.instruct_pix2pix.edit_picture`.
    """
    if files.latent:
        raise BadSetting("InstructPix2Pix draws from no code; leave --latent out.")
    from styleclip_core.devices import choose_device
    from styleclip_core.edits import instruct_pix2pix
    from styleclip_core.faces import load_photo
    from styleclip_core.faces.crop import cut_out, put_back
    from styleclip_core.provenance import save_picture

    began, place = time.perf_counter(), choose_device(device)
    instruct_pix2pix.load(place)
    picture = load_photo(photo)
    aligned, alignment, count = cut_out(picture, "face", 1024, number)
    if count > 1:
        print(f"{photo} has {count} faces; this is --face {number} (0 is the largest).", file=sys.stderr)
    edited = instruct_pix2pix.edit_picture(aligned, instruction, settings, place)
    edited = mask.compose(edited, aligned) if mask else edited
    pasted = put_back(picture, edited, alignment, "face", aligned, mask and mask.picture())
    seconds = time.perf_counter() - began
    write(files.output, lambda path: save_picture(pasted, path, badge=files.badge))
    write(files.aligned, lambda path: save_picture(edited, path, badge=files.badge))
    write(files.scores, lambda path: Path(path).write_text(json.dumps({"seconds": seconds}, indent=2) + "\n"))
    print(f"{files.output}: {seconds:.0f} s")
