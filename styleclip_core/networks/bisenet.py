"""Face parsing by BiSeNet (Yu et al. 2018, trained on CelebAMask-HQ): each pixel's class: hair, skin, left eye, ..."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = tuple(
    "background;skin;left brow;right brow;left eye;right eye;glasses;left ear;right ear;earring;nose;mouth;upper lip;"
    "lower lip;neck;necklace;cloth;hair;hat".split(";")
)  # of CelebAMask-HQ, by index


class BiSeNetParser(nn.Module):
    """facexlib's BiSeNet with the interface of `packs.base.FaceParser`."""

    size, classes = 512, CLASSES
    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        from facexlib.parsing.bisenet import BiSeNet  # here, since it brings OpenCV and torchvision with it

        self.network = BiSeNet(len(CLASSES))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """The bare network: ImageNet-normalised pictures ``[N,3,H,W]`` (512 px are best) -> logits ``[N,19,H,W]``."""
        return self.network(pictures)[0]

    def logits(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> logits ``[N,19,H,W]`` of `CLASSES`."""
        size = images.shape[-2:]
        if size != (self.size, self.size):
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        logits = self((images / 2 + 0.5 - self.mean) / self.std)
        return logits if size == logits.shape[-2:] else F.interpolate(logits, size, mode="bilinear", antialias=True)

    def parse(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> probabilities ``[N,19,H,W]`` of `CLASSES`."""
        return self.logits(images).softmax(1)
