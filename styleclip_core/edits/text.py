"""The mapper for any prompt: one network from a code and a text's embedding to a step (`networks.text_mapper`)."""

from __future__ import annotations

import functools

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import weights
from styleclip_core.edits.remembered import remembered
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.text_mapper import TextMapper
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_prompt


def step(pack: Pack, w_plus: Tensor, prompt: str) -> Tensor:
    """The step in W+ ``[1,L,512]`` at strength 1 towards a prompt. Raises UnsupportedByPack, EmptyPrompt, BadPrompt."""
    checkpoint, prompt = check(pack), check_prompt(prompt)
    texts = remembered(pack, ("text", prompt), lambda: pack.clip.encode_text([prompt]))
    return pack.space.step(_read(checkpoint, pack.device)(pack.space.whiten(w_plus), texts))


def check(pack: Pack) -> str:
    """The name of the mapper's checkpoint. Raises UnsupportedByPack."""
    if pack.text_mapper is None:
        raise UnsupportedByPack(f"No mapper for any prompt was trained for the pack {pack.name}; use style: instead.")
    return pack.text_mapper


@functools.lru_cache(maxsize=1)
def _read(checkpoint: str, device: torch.device) -> TextMapper:
    state = {name: value.float() for name, value in load_file(weights.path(checkpoint)).items()}
    mapper = TextMapper()
    mapper.load_state_dict(state)
    return mapper.to(device).eval().requires_grad_(False)
