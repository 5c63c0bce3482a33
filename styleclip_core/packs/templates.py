"""Sentences that a description is put into; embeddings are averaged over them, so that no single wording decides."""

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

# Photos of all qualities and other ways to show a thing: 79 in all, as many as StyleCLIP averages over.
_PHOTO_QUALITIES = (
    "bad, good, blurry, sharp, bright, dark, large, small, low-resolution, high-resolution, cropped, black and white, "
    "colour, pixelated, compressed, clean, dirty, strange, nice, cool, plain, faded, grainy, candid, old, recent, "
    "beautiful, poor, professional, digital, framed, printed, noisy, detailed, crumpled, retouched, famous, private"
).split(", ")
_MEDIA = (
    "painting, drawing, sketch, cartoon, sculpture, statue, rendering, print, poster, tattoo, mosaic, doodle, "
    "video still, screenshot, portrait, picture, close-up, scan, reflection, photo, puppet, plastic figure, plush toy, "
    "paper model, computer model, stamp, mural, watercolour, pencil study, woodcut, hologram, collage, comic"
).split(", ")
GENERAL = (
    "{}",
    "this is {}",
    "there is {} in the scene",
    "a video game with {}",
    "a magazine page with {}",
    "{} from afar",
    "many photos of {}",
    "graffiti of {}",
    *(f"a {quality} photo of {{}}" for quality in _PHOTO_QUALITIES),
    *(f"a {medium} of {{}}" for medium in _MEDIA),
)
