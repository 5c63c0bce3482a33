"""InstructPix2Pix (Brooks et al. 2023): a diffusion model that edits a picture by an instruction, to compare with.

It is run by diffusers, in full precision on a CPU and in half on a GPU. Its files come from the Hugging Face Hub and
stay in its cache; a folder ``instruct-pix2pix`` in $STYLECLIP_WEIGHTS goes before them. Only safetensors are read, and
no code beside them is run.
"""

from __future__ import annotations

import functools
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from styleclip_core.devices import memory_errors
from styleclip_core.errors import BadCheckpoint, StudioError, UnsupportedByPack, WeightsUnavailable
from styleclip_core.settings import InstructSettings, check_prompt

HUB, REVISION = "timbrooks/instruct-pix2pix", "31519b5cb02a7fd89b906d88731cd4d6a7bbf88d"
FOLDER, INDEX = "instruct-pix2pix", "model_index.json"


def own_folder() -> Path | None:
    """The user's own folder of the model, as `save_pretrained` of diffusers writes it, or None."""
    place = os.environ.get("STYLECLIP_WEIGHTS")
    folder = Path(place) / FOLDER if place else None
    return folder if folder and (folder / INDEX).is_file() else None


def installed() -> bool:
    """Whether the packages that run it are there."""
    return all(find_spec(name) is not None for name in ("diffusers", "transformers", "accelerate"))


def at_hand() -> bool:
    """Whether it could edit without a download."""
    from huggingface_hub import try_to_load_from_cache

    weights = "unet/diffusion_pytorch_model.safetensors"  # the largest file
    cached = own_folder() or isinstance(try_to_load_from_cache(HUB, weights, revision=REVISION), str)
    return installed() and bool(cached)


def load(device: torch.device) -> Any:
    """The pipeline, ready on a device; the last one is kept.

    Raises:
        UnsupportedByPack: without the extra ``diffusion``.
        WeightsUnavailable, BadCheckpoint.
    """
    if not installed():
        raise UnsupportedByPack("InstructPix2Pix needs diffusers: pip install 'styleclip-studio[diffusion]'.")
    return _load(own_folder(), device)


@functools.lru_cache(maxsize=1)
def _load(folder: Path | None, device: torch.device) -> Any:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_instruct_pix2pix import (
        StableDiffusionInstructPix2PixPipeline,
    )

    kind = torch.float16 if device.type == "cuda" else torch.float32
    options = {"use_safetensors": True, "trust_remote_code": False, "dtype": kind}
    try:
        if folder is not None:
            pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
                str(folder), local_files_only=True, **options
            )
        else:
            pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(HUB, revision=REVISION, **options)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        if folder is not None:
            raise BadCheckpoint(
                f"{folder} is not a folder of InstructPix2Pix with safetensors, as diffusers saves it: "
                f"{_first_line(error)}"
            ) from error
        raise WeightsUnavailable(
            f"InstructPix2Pix cannot be had from the Hugging Face Hub ({_first_line(error)}). Fetch {HUB} by other "
            f"means into a folder {FOLDER} and set STYLECLIP_WEIGHTS to the folder that it is in."
        ) from error
    return pipeline.to(device)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def edit_picture(
    picture: Image.Image, instruction: str, settings: InstructSettings | None = None, device: torch.device | str = "cpu"
) -> Image.Image:
    """A picture edited by an instruction ("make her smile"), as large as it was.

    The same seed gives the same result on the same machine.

    Raises:
        EmptyPrompt, BadPrompt, OutOfMemory; StudioError if the model's filter withholds the result; see `load`.
    """
    settings, instruction, device = settings or InstructSettings(), check_prompt(instruction), torch.device(device)
    pipeline = load(device)
    small = picture.convert("RGB").resize((settings.size, settings.size), Image.Resampling.LANCZOS)
    with memory_errors(device):
        made = pipeline(
            instruction,
            image=small,
            num_inference_steps=settings.steps,
            guidance_scale=settings.text,
            image_guidance_scale=settings.image,
            generator=torch.Generator().manual_seed(settings.seed),
        )
    if any(made.nsfw_content_detected or ()):
        raise StudioError("InstructPix2Pix's own filter withheld the result; try other words or another seed.")
    return made.images[0].resize(picture.size, Image.Resampling.LANCZOS)
