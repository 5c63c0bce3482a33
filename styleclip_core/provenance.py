"""How pictures are saved: with a note in the file that AI made or edited them, by which program, and when.

The note is an XMP packet, in PNG, JPEG and WebP alike. Its terms are those of the IPTC Photo Metadata Standard
(DigitalSourceType) and of XMP's own basic schema; viewers, photo libraries and social networks read them.
"""

from __future__ import annotations

import functools
import struct
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageDraw, ImageFont, PngImagePlugin

from styleclip_core import content_credentials
from styleclip_core.errors import BadSetting
from styleclip_core.version import __version__

SOFTWARE = f"StyleCLIP Studio {__version__}"
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  # by the file's ending
MAX_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # px, of the encoders
# PNG: the fastest compression, whose files are a tenth larger. JPEG: colour at full resolution, or red lips bleed.
OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 1},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95},
}
RECIPE_KEY = "styleclip"  # of the text in a PNG that says how its edit was asked for
PROFILE_DATE = 2000, 1, 1, 0, 0, 0  # year to second
BADGE_HEIGHT = 1 / 32  # of the letters' line, in shorter sides of the picture


class Source(StrEnum):
    """What a picture came about by: the terms of IPTC's vocabulary for DigitalSourceType."""

    EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


BADGES = {Source.EDITED: "edited by AI", Source.GENERATED: "made by AI"}


def save_picture(
    picture: Image.Image,
    path: str | Path,
    source: Source = Source.EDITED,
    badge: bool = False,
    recipe: str | None = None,
    dated: bool = True,
) -> None:
    """Write a picture as PNG, JPEG or WebP, by the file's ending, with the note that AI made or edited it.

    The file has sRGB's colour profile and the note, and nothing that the picture may have carried along (EXIF, GPS,
    comments).

    Args:
        picture: upright, in sRGB.
        source: whether AI edited a photo or drew the whole picture.
        badge: also write it visibly into the lower right corner.
        recipe: JSON text of how the edit was asked for, to be kept inside a PNG; other formats leave it out.
        dated: say when it was made; without, equal pictures give equal files.
    Raises:
        BadSetting: another ending, a side too long for the format, a certificate (`content_credentials`) that cannot
            be used. OSError: the file cannot be written.
    """
    form = FORMATS.get(Path(path).suffix.lower())
    if form is None:
        raise BadSetting(f"{path} must end in {' or '.join(FORMATS)}.")
    if max(picture.size) > MAX_SIDES.get(form, 1 << 31):
        raise BadSetting(f"The picture is too large for {form} ({picture.width} x {picture.height}): save it as PNG.")
    if picture.mode != "RGB" or picture.info or badge:
        picture = picture.convert("RGB")
        picture.info = {}
    if badge:
        draw_badge(picture, BADGES[source])
    note, options = xmp(source, dated), {"icc_profile": srgb_profile(), **OPTIONS[form]}
    if form == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", note)
        if recipe:
            options["pnginfo"].add_itxt(RECIPE_KEY, recipe)
    else:
        options["xmp"] = note.encode()
    written = BytesIO()
    picture.save(written, form, **options)
    Path(path).write_bytes(content_credentials.signed(written.getvalue(), Image.MIME[form], source))


def xmp(source: Source, dated: bool = True) -> str:
    """The XMP packet (ISO 16684-1) of a picture that is made now; the time is in UTC, which tells nobody's place."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    dates = (
        "".join(f'\n    xmp:{name}="{now}"' for name in ("CreateDate", "ModifyDate", "MetadataDate")) if dated else ""
    )
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="{source}"
    xmp:CreatorTool="{SOFTWARE}"{dates}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@functools.cache
def srgb_profile() -> bytes:
    """sRGB's colour profile, so that viewers which manage colours show what was edited. It is always the same."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", *PROFILE_DATE)  # where Pillow puts the present second (ICC.1, 7.2.8)
    return bytes(profile)


def draw_badge(picture: Image.Image, text: str) -> None:
    """Write a text on a dark ground into the lower right corner of a picture "RGB", which is changed."""
    size = max(10.0, BADGE_HEIGHT * min(picture.size))
    font, pad = ImageFont.load_default(size), size / 2
    draw = ImageDraw.Draw(picture, "RGBA")
    right, bottom = picture.width - pad, picture.height - pad
    left, top = right - draw.textlength(text, font) - 2 * pad, bottom - 1.7 * size
    draw.rounded_rectangle((left, top, right, bottom), pad, (0, 0, 0, 150))
    draw.text(((left + right) / 2, (top + bottom) / 2), text, (255, 255, 255, 235), font, anchor="mm")
