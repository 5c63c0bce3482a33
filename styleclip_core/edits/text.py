"""The mapper for any prompt: one network from a code and a text's embedding to a step (`networks.text_mapper`)."""

from __future__ import annotations

import functools

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import latents, weights
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.text_mapper import TRAINING_SIZE, TextMapper
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_prompt


def step(pack: Pack, w_plus: Tensor, prompt: str) -> Tensor:
    """The step in W+ ``[N,L,512]`` at strength 1 towards a prompt. Raises UnsupportedByPack, EmptyPrompt, BadPrompt."""
    checkpoint, prompt = check(pack), check_prompt(prompt)
    texts = cached(pack, "embedding", prompt, lambda: pack.clip.encode_text([prompt]))
    return step_towards(pack, _read(checkpoint, pack.device), w_plus, texts)


def step_towards(pack: Pack, mapper: TextMapper, w_plus: Tensor, texts: Tensor) -> Tensor:
    """The step in W+ ``[N,L,512]`` of a mapper towards text embeddings ``[N or 1,D]``; differentiable.

    Layers that pictures of the size it was trained on do not show stay as they are.
    """
    visible = latents.visible_layers(pack.generator, TRAINING_SIZE)
    return visible * pack.space.step(mapper(pack.space.whiten(w_plus), texts))


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
