"""Content Credentials (C2PA): a signed statement in a picture's file of what made it, by the user's own certificate.

Off unless the environment names a certificate. Needs the extra ``c2pa``.
"""

from __future__ import annotations

import functools
import json
import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.version import __version__

CERTIFICATE = "STYLECLIP_C2PA"  # a PEM file: the private key, the signer's certificate, then those that issued it
ALGORITHM = "STYLECLIP_C2PA_ALGORITHM"  # of the key, as the standard names it; es256 is usual
BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\s*", re.S)


def signed(picture: bytes, mime: str, source: str) -> bytes:
    """The file with its statement, or as it was if no certificate is named.

    Args:
        picture: a PNG, JPEG or WebP file.
        source: IPTC's term of how it came about.
    Raises:
        BadSetting: the certificate cannot be used. UnsupportedByPack: c2pa-python is missing.
    """
    path = os.environ.get(CERTIFICATE)
    if not path:
        return picture
    try:
        import c2pa
    except ImportError as error:
        raise UnsupportedByPack(f"{CERTIFICATE} needs the extra c2pa: pip install c2pa-python.") from error
    action = {"action": "c2pa.created", "digitalSourceType": source}
    manifest = {
        "claim_generator_info": [{"name": "StyleCLIP Studio", "version": __version__}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    written = BytesIO()
    try:
        signer = _signer(path, os.environ.get(ALGORITHM, "es256").lower())
        c2pa.Builder(json.dumps(manifest)).sign(signer, mime, BytesIO(picture), written)
    except (c2pa.C2paError, OSError, ValueError, KeyError) as error:
        said = str(error).strip() or type(error).__name__
        raise BadSetting(f"The picture cannot be signed with {path} ({said}); see {CERTIFICATE}.") from error
    return written.getvalue()


def check() -> None:
    """Raise what `signed` would, before there is a picture."""
    if os.environ.get(CERTIFICATE):
        picture = BytesIO()
        Image.new("RGB", (8, 8)).save(picture, "PNG")
        signed(picture.getvalue(), "image/png", "")


@functools.lru_cache(maxsize=2)
def _signer(path: str, algorithm: str) -> Any:
    import c2pa

    blocks = [found.group() for found in BLOCK.finditer(Path(path).read_bytes())]
    keys = [block for block in blocks if b"PRIVATE KEY-" in block]
    certificates = [block for block in blocks if b"CERTIFICATE-" in block]
    if len(keys) != 1 or not certificates:
        raise ValueError("it must hold one private key and its certificates")
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm.encode(), b"".join(certificates), keys[0], None))
