"""List the benchmarks, or run one: ``python -m benchmarks [NAME [options]]``."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = {  # module of this folder -> what it measures
    "batch": "photos a minute by one process, two, and Ray with two workers, and what an engine costs",
    "compact": "how fast the compact pack is, and how well it finds the faces of photos",
    "directions": "mappers, boundaries and prompts as sliders: do they do what they say, and only that?",
    "drift": "what edits do to colours of a photo that nobody asked about",
    "edits": "path A on photos and random faces: does it do what was asked, and only that?",
    "gpu": "how fast edits with the full pack's networks are, and how much memory they take",
    "load": "many visitors of the app at once: waits, refusals, memory, and whose face they get",
    "local": "hair colours by region and everywhere: what changes in the hair, and what outside",
    "mapper_losses": "mappers trained by our losses beside those trained by StyleCLIP's: minutes, and what they do",
    "parsing": "the face parser against its labels, and how fast it is",
    "prompts": "how prompts are read: known concepts, unknown ones, and several at once",
    "side_by_side": "how fast this checkout is beside another one",
    "stylegan2": "how fast StyleGAN2 is, in each precision and way to run it",
    "video": "a face edited through a clip, beside the same edit made frame by frame: how steady, how fast",
}


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark that the first argument names; 2 if there is none of that name."""
    name, *options = (sys.argv[1:] if argv is None else argv) or [""]
    if name in BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").main(options)
        return 0
    print("Run one with `python -m benchmarks NAME`; --help after the name shows its options.\n")
    width = max(map(len, BENCHMARKS))
    print("\n".join(f"  {known:{width}}  {text}" for known, text in BENCHMARKS.items()))
    if name in ("", "-h", "--help"):
        return 0
    print(f"\nThere is no benchmark {name!r}.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
