"""MiniLM sentence encoder (a six-layer BERT of width 384), as published in all-MiniLM-L6-v2."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.attended, self.norm1 = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        x = self.norm1(x + self.attended(y.transpose(1, 2).flatten(2)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class MiniLM(nn.Module):
    """Token ids and mask ``[N,T]`` (T <= 512) -> unit sentence embeddings ``[N,384]``."""

    width = 384

    def __init__(self, vocabulary: int = 30522, layers: int = 6, heads: int = 12, hidden: int = 1536):
        super().__init__()
        self.words = nn.Embedding(vocabulary, self.width)
        self.positions = nn.Embedding(512, self.width)
        self.types = nn.Embedding(2, self.width)
        self.norm = nn.LayerNorm(self.width, eps=1e-12)
        self.layers = nn.ModuleList(_Layer(self.width, heads, hidden) for _ in range(layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.types.weight[0])
        for layer in self.layers:
            x = layer(x, mask)
        weights = mask[..., None].to(x.dtype)
        return F.normalize((x * weights).sum(1) / weights.sum(1), dim=1)


def from_bert(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a Hugging Face BertModel state dict to `MiniLM`'s. Raises KeyError if a tensor is missing."""
    out = {
        f"{ours}.weight": state[f"embeddings.{theirs}_embeddings.weight"]
        for ours, theirs in (("words", "word"), ("positions", "position"), ("types", "token_type"))
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attended": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        out[f"norm.{kind}"] = state[f"embeddings.LayerNorm.{kind}"]
        for i in range(6):
            for ours, theirs in names.items():
                out[f"layers.{i}.{ours}.{kind}"] = state[f"encoder.layer.{i}.{theirs}.{kind}"]
    return out
