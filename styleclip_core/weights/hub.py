"""Files of the Hugging Face Hub, kept in huggingface_hub's own cache (HF_HOME) and handed out from there."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from styleclip_core.errors import DiskFull, WeightsUnavailable
from styleclip_core.weights.checkpoint import Checkpoint, Tick, sha256

TIMEOUT = 10.0  # seconds for the Hub to say whether it has a file
Place = tuple[str, str, str | None]  # repository, file, revision (None: main)


@dataclass(frozen=True)
class Hub:
    """A file of a repository on the Hub, and other places of the same file, tried in order.

    A file in the folder $STYLECLIP_WEIGHTS, by the checkpoint's name or the published file's, goes before the Hub's.
    HF_HOME, HF_TOKEN, HF_HUB_OFFLINE and HF_ENDPOINT mean what they mean to huggingface_hub.
    """

    repo: str
    file: str
    revision: str | None = None
    mirrors: tuple[Place, ...] = ()

    def __str__(self) -> str:
        return f"hub:{self.repo}/{self.file}"

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.repo, self.file, self.revision), *self.mirrors

    def find(self, checkpoint: Checkpoint) -> list[Path]:
        """Files on this machine that may be the checkpoint: the user's own, else what is in the Hub's cache."""
        if own := self._own(checkpoint):
            return [own]
        from huggingface_hub import try_to_load_from_cache

        cached = (try_to_load_from_cache(repo, file, revision=revision) for repo, file, revision in self.places)
        return [Path(file) for file in cached if isinstance(file, str)]

    def download(self, checkpoints: list[Checkpoint], folder: Path, tick: Tick) -> Iterator[tuple[Checkpoint, Path]]:
        """Yield each checkpoint's published file, in the Hub's cache (`folder` stays empty)."""
        for checkpoint in checkpoints:
            if own := self._own(checkpoint):
                raise WeightsUnavailable(
                    f"{own} is not the published {checkpoint.name} ({checkpoint.verify(own)}); replace it or take it "
                    "out of the folder that STYLECLIP_WEIGHTS names."
                )
            yield checkpoint, self._from_first_good_place(checkpoint, tick)

    def offers(self, checkpoint: Checkpoint, timeout: float = 3.0) -> bool:
        """Whether the Hub answers, within so many seconds a place, that it has the checkpoint. Downloads nothing."""
        from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

        for place in self.places:
            try:
                if not _offer(place, checkpoint, timeout)[1]:
                    return True
            except (OSError, HTTPError):
                continue
        return False

    def _own(self, checkpoint: Checkpoint) -> Path | None:
        folder = os.environ.get("STYLECLIP_WEIGHTS")
        if not folder:
            return None
        names = [checkpoint.name, *(Path(file).name for _, file, _ in self.places)]
        files = (Path(folder, name).expanduser().absolute() for name in names)
        return next((file for file in files if file.is_file()), None)

    def _from_first_good_place(self, checkpoint: Checkpoint, tick: Tick) -> Path:
        from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

        reasons = []
        for place in self.places:
            try:
                return _download(place, checkpoint, tick)
            except WeightsUnavailable as error:
                reasons.append(f"{place[0]}: {error}")
            except (OSError, HTTPError, RuntimeError, ValueError) as error:  # the last two: the library's Rust core
                reasons.append(f"{place[0]}: {_explain(error)}")
        raise WeightsUnavailable(
            f"Could not download {checkpoint.name} ({'; '.join(reasons)}). Try again when that is solved, or bring the "
            "file here by other means and set STYLECLIP_WEIGHTS to the folder that it is in."
        )


def _offer(place: Place, checkpoint: Checkpoint, timeout: float) -> tuple[str | None, str]:
    """What the Hub says of a file before it is downloaded: its sha256 if stated, and why it is the wrong one or ""."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    repo, file, revision = place
    stated = get_hf_file_metadata(hf_hub_url(repo, file, revision=revision), timeout=timeout)
    digest = stated.etag if re.fullmatch("[0-9a-f]{64}", stated.etag or "") else None  # so it is for large files
    return digest, checkpoint.mismatch(checkpoint.bytes if stated.size is None else stated.size, digest)


def _download(place: Place, checkpoint: Checkpoint, tick: Tick) -> Path:
    """The published file from one place. Raises WeightsUnavailable with a part of a sentence, or what the library does.

    A damaged copy in the cache would be served again and again: it is fetched anew, once, and deleted if still wrong.
    """
    from huggingface_hub import hf_hub_download

    repo, file, revision = place
    digest, wrong = _offer(place, checkpoint, TIMEOUT)
    if wrong:
        raise WeightsUnavailable(f"not the published file, {wrong}")
    for past_the_cache in (False, True):
        path = Path(
            hf_hub_download(repo, file, revision=revision, force_download=past_the_cache, tqdm_class=_silent_bar(tick))
        )
        reason = checkpoint.verify(path)
        if not reason and digest and not checkpoint.sha256 and (found := sha256(path)) != digest:
            reason = f"sha256 {found}, but the Hub says {digest}"
        if not reason:
            return path
    path.resolve().unlink()  # what the link in the cache leads to
    path.unlink(missing_ok=True)
    raise WeightsUnavailable(f"what came is not the published file and was deleted, {reason}")


def _silent_bar(tick: Tick) -> type:
    """A class of progress bars that show nothing and tell `tick` how many bytes are done."""
    from tqdm import tqdm

    done = 0

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal done
            drawn = super().update(n)
            done = max(done, int(self.n))  # there may be two bars, of what came and of what is written
            tick(done)
            return drawn

    return Bar


def _explain(error: Exception) -> str:
    """What went wrong, as a part of a sentence. Raises DiskFull."""
    from huggingface_hub import constants, errors
    from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]

    text = str(error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in text:
        raise DiskFull(
            f"The disk of {constants.HF_HUB_CACHE} is full; free some space or set HF_HOME to a folder on another one."
        ) from error
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing is downloaded"
    if isinstance(error, errors.GatedRepoError):
        return "its terms must be accepted on the repository's page first; then set HF_TOKEN or run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is no such repository, or it is private and needs HF_TOKEN"
    if isinstance(error, (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError)):
        return "the repository no longer has this file"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return f"the Hub answered {status}" + (", so check HF_TOKEN" if status in (401, 403) else "")
    if isinstance(error, (HTTPError, errors.LocalEntryNotFoundError)):
        return f"no connection to the Hub ({type(error).__name__})"
    if isinstance(error, OSError) and error.errno:
        return f"cannot write to {constants.HF_HUB_CACHE}, {error.strerror}; set HF_HOME to a folder that is yours"
    if "Consistency check failed" in text:
        return "the download ended too early"
    return text.strip().split("\n")[0] or type(error).__name__
