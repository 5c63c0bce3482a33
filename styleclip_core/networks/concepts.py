"""A head on sentence embeddings that tells which concepts a text speaks of, and whether it speaks of anything else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from styleclip_core.networks.minilm import MiniLM

NEIGHBOURS = 5  # of the bank, whose mean distance tells how far a text is from everything known


class ConceptReader(nn.Module):
    """Sentence embeddings ``[N,384]`` -> what is said of each concept, and how familiar the text is.

    Attributes:
        names: of the C concepts, in the order of the outputs.
        bank: embeddings ``[M,384]`` of known texts, unit vectors.
        limits: familiarity ``[2]`` below which a text counts as unknown, and from which it counts as surely known.
    """

    hidden, weight_of_head = 512, 0.05  # the head's logit against the distance to the bank
    bank: Tensor
    limits: Tensor

    def __init__(self, names: list[str], bank_size: int):
        super().__init__()
        self.names = names
        self.body = nn.Sequential(nn.Linear(MiniLM.width, self.hidden), nn.GELU(), nn.Dropout(0.3))
        self.concepts = nn.Linear(self.hidden, 3 * len(names))
        self.known = nn.Linear(self.hidden, 1)
        self.register_buffer("bank", torch.zeros(bank_size, MiniLM.width))
        self.register_buffer("limits", torch.zeros(2))

    def forward(self, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[N,C,3]`` (the opposite, nothing, there) and ``[N]``, that all of the text is known."""
        features = self.body(sentences)
        return self.concepts(features).unflatten(1, (len(self.names), 3)), self.known(features)[:, 0]

    def familiarity(self, sentences: Tensor, known: Tensor) -> Tensor:
        """How familiar texts are ``[N]``, from their embeddings ``[N,384]`` and the second output of `forward`."""
        nearest = (sentences @ self.bank.T).topk(min(NEIGHBOURS, len(self.bank))).values.mean(1)
        return nearest + self.weight_of_head * known.clamp(-8, 8)
