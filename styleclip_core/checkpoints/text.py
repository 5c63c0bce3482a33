"""MiniLM's published files -> our sentence encoder and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from styleclip_core.networks.face_clip import MAX_TOKENS, Tokenize
from styleclip_core.networks.minilm import MiniLM, from_bert


def load_minilm(weights: Path) -> MiniLM:
    """The sentence encoder from ``model.safetensors``, in eval mode, frozen, on the CPU."""
    model = MiniLM()
    model.load_state_dict(from_bert(load_file(weights)), strict=True)
    return model.eval().requires_grad_(False)


def load_tokenizer(path: Path) -> Tokenize:
    """A function from texts to token ids and mask ``[N,T]``, T at most 64, from ``tokenizer.json``."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()

    def tokenize(texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        encoded = tokenizer.encode_batch(texts)
        ids = torch.tensor([e.ids for e in encoded])
        return ids, torch.tensor([e.attention_mask for e in encoded], dtype=torch.bool)

    return tokenize
