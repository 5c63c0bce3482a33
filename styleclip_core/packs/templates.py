"""Sentences that a description is put into; embeddings are averaged over them, so that no single wording decides."""

from __future__ import annotations

import functools

FACE = (
    "{}",
    "a photo of {}",
    "a portrait of {}",
    "a picture of {}",
    "a close-up of {}",
    "the face of {}",
    "an image of {}",
    "a good photo of {}",
    "a studio portrait of {}",
    "a passport photo of {}",
    "a snapshot of {}",
    "a headshot of {}",
    "this is {}",
    "here you see {}",
    "{} looking at me",
    "{} in front of a wall",
    "a sharp picture of {}",
    "a colour photo of {}",
    "one sees {}",
    "somebody took a photo of {}",
)


@functools.cache
def styleclip() -> tuple[str, ...]:
    """The 79 sentences that StyleCLIP averages over: OpenAI's templates for ImageNet but one, as open_clip has them."""
    import open_clip

    templates = (template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES)
    return tuple(template for template in templates if template != "a photo of many {}.")
