"""What tests of directions share: random codes, how well a text fits a picture, and a generator with another W."""

import torch
from torch import nn

SEEDS = (820_001, 820_002)


@torch.no_grad()
def embed(pack, latent):
    """Image embeddings ``[N,D]`` of a code or of style vectors."""
    return pack.clip.encode_image(pack.generator.synthesize(latent, 128))


@torch.no_grad()
def fits_better(pack, embeddings, text, opposite):
    """How much more the text fits than its opposite, in deviations over random faces, ``[N]``."""
    there, not_there = pack.clip.encode_text([text, opposite])
    return embeddings @ (there - not_there) / (pack.reference_faces.embeddings @ (there - not_there)).std()


class OtherGenerator(nn.Module):
    """A W that is not FFHQ's: two directions that vary much, the others little."""

    num_layers, style_sizes = 4, (8, 8)

    def __init__(self):
        super().__init__()
        self.register_buffer("w_avg", torch.randn(512, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("widths", torch.cat([torch.tensor([5.0, 3.0]), torch.full((510,), 0.1)]))

    def map(self, z, truncation=1.0):
        return self.w_avg + truncation * z * self.widths
