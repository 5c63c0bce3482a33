"""CLIP weights, as open_clip publishes them -> our text-image interface."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any, cast

from torch import nn

from styleclip_core.checkpoints import reading
from styleclip_core.errors import BadSetting
from styleclip_core.networks.open_clip import OpenCLIP

OPENAI_SIZES = ("input_resolution", "context_length", "vocab_size")  # numbers among the weights in OpenAI's own files


def load_open_clip(
    name: str = "ViT-B-32-quickgelu", checkpoint: str | Path | None = None, tag: str = "openai"
) -> OpenCLIP:
    """A CLIP model with weights from a local file, on the CPU, in eval mode, frozen. Nothing is downloaded.

    Args:
        name: one of ``open_clip.list_models()`` whose tokenizer comes with open_clip.
        checkpoint: ``open_clip_model.safetensors``, a PyTorch file, or the state dict of OpenAI's own model; without
            one the weights are random (for tests).
        tag: which of open_clip's weights for that model these are; it decides about the pixels' mean and deviation.
    Raises:
        BadSetting: no such model or tag, or one that needs files beyond the weights.
        BadCheckpoint: the file is not that model.
    """
    import open_clip
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    config, published = _config(name), open_clip.get_pretrained_cfg(name, tag)
    if not published and (tags := open_clip.list_pretrained_tags_by_model(name)):
        raise BadSetting(f"open_clip knows no weights {tag!r} for {name}; choose a tag of {', '.join(tags)}.")
    if published.get("quick_gelu", False) != config.get("quick_gelu", False):
        right = f"{name}-quickgelu" if published.get("quick_gelu") else name.removesuffix("-quickgelu")
        warnings.warn(f"{name} has another activation than the weights {tag!r}; use {right}.", stacklevel=2)
    model = _create(name)
    if checkpoint is not None:
        state = reading.state_dict(reading.read(checkpoint))
        state = reading.part(state, "module.") or state  # of training on several GPUs
        state = {name: value for name, value in state.items() if name not in OPENAI_SIZES}
        state = convert_state_dict(cast(Any, model), state)
        if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
            state = convert_to_custom_text_state_dict(state)
        reading.fill(model, state, checkpoint, f"CLIP {name}")
    mean = published.get("mean", open_clip.OPENAI_DATASET_MEAN)
    std = published.get("std", open_clip.OPENAI_DATASET_STD)
    return OpenCLIP(model, open_clip.get_tokenizer(name), mean, std).eval().requires_grad_(False)


def _config(name: str) -> dict[str, Any]:
    """The model's configuration. Raises BadSetting unless the model needs nothing but its weights."""
    import open_clip

    if name not in open_clip.list_models():
        raise BadSetting(f"open_clip has no model {name!r}; choose one of open_clip.list_models().")
    config: dict[str, Any] = open_clip.get_model_config(name) or {}
    text = config["text_cfg"]
    if "hf_tokenizer_name" in text or "hf_model_name" in text or "siglip" in name.lower():
        raise BadSetting(f"{name} needs a tokenizer that open_clip downloads; choose a model with CLIP's own.")
    if "multimodal_cfg" in config:
        raise BadSetting(f"{name} is a captioning model; choose a CLIP model such as ViT-B-32-quickgelu.")
    return config


def _create(name: str) -> nn.Module:
    import open_clip

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # that the weights are random, which they are only until they are filled in
    try:
        return open_clip.create_model(name, pretrained_text=False)
    finally:
        logging.disable(before)
