"""FaceCLIP: a small two-tower text-image model for aligned faces, with CLIP's interface."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.networks.minilm import MiniLM

MAX_TOKENS = 64  # that are read of a text
Tokenize = Callable[[list[str]], tuple[Tensor, Tensor]]  # texts -> token ids and mask, both [N,T]


class TextHead(nn.Module):
    """Sentence embeddings ``[N,384]`` -> joint space ``[N,D]``: a linear map plus a small correction."""

    def __init__(self, width: int, hidden: int = 512, dropout: float = 0.2):
        super().__init__()
        self.linear = nn.Linear(MiniLM.width, width)
        self.mlp = nn.Sequential(
            nn.Linear(MiniLM.width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )

    def forward(self, sentences: Tensor) -> Tensor:
        return self.linear(sentences) + self.mlp(sentences)


class FaceCLIP(nn.Module):
    """Image tower: EfficientNet-Lite0 at 160 px. Text tower: frozen MiniLM and a learned head. D = 256.

    Both encoders return unit vectors; ``scale * cosine + bias`` is the logit that a text describes a face.

    Attributes:
        tokenize: texts -> token ids and mask; the loader sets it, and `encode_text` needs it.
    """

    size, width, identity_width = 160, 256, 64

    def __init__(self):
        super().__init__()
        self.trunk = EfficientNetLite0()
        self.image_head = nn.Linear(1280, self.width)
        self.identity_head = nn.Linear(1280, self.identity_width)
        self.text_head = TextHead(self.width)
        self.scale, self.bias = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(-2.0))
        self.sentence_encoder = MiniLM()
        self.tokenize: Tokenize | None = None

    def features(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1], any size -> pooled features ``[N,1280]``."""
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        return self.trunk(images)

    def encode_image(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1], any size -> unit vectors ``[N,256]``; differentiable."""
        return F.normalize(self.image_head(self.features(images)), dim=1)

    def encode_identity(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1] -> unit identity vectors ``[N,64]``, near for pictures of one person."""
        return F.normalize(self.identity_head(self.features(images)), dim=1)

    def encode_sentences(self, sentences: Tensor) -> Tensor:
        """Sentence embeddings ``[N,384]`` -> unit vectors ``[N,256]``."""
        return F.normalize(self.text_head(sentences), dim=1)

    def reads_all(self, text: str) -> bool:
        """Whether a text has no more tokens than are read: texts as long as that are taken for cut."""
        assert self.tokenize is not None, "the loader has not set the tokenizer"
        return self.tokenize([text])[0].shape[1] < MAX_TOKENS

    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> unit vectors ``[N,256]``, on the model's device."""
        assert self.tokenize is not None, "the loader has not set the tokenizer"
        ids, mask = (t.to(self.scale.device) for t in self.tokenize(texts))
        return self.encode_sentences(self.sentence_encoder(ids, mask))
