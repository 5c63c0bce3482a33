"""How fast this checkout is beside another one, say that of an earlier commit, in one run on one machine.

    git worktree add ../earlier HEAD~20
    python -m benchmarks side_by_side ../earlier
    python -m benchmarks side_by_side ../earlier --rounds 3 --only draw preview

Each checkout runs in a process of its own (`benchmarks/timings.py`), with this Python and its packages; both take every
timing in turn, so that whatever else the machine does slows both alike. The table has medians, and the ratio of this
checkout's to the other's: above 1 it has become slower.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.common import make_parser
from benchmarks.timings import TIMINGS
from styleclip_core.evaluation.reports import markdown_table

HERE = Path(__file__).resolve().parents[1]


class Checkout:
    """A process that takes timings of the code in a folder."""

    def __init__(self, folder: Path, pack: str):
        program = [sys.executable, "-P", str(HERE / "benchmarks" / "timings.py"), pack, str(HERE / "examples")]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            program, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.folder = folder

    def seconds(self, timing: str) -> float:
        """Take one timing."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{timing}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"The code in {self.folder} cannot be timed; its message stands above.")
        return json.loads(answer)

    def close(self) -> None:
        self.process.communicate()


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("side_by_side", __doc__)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--rounds", type=int, default=7, help="of which the median counts (default: 7)")
    parser.add_argument("--only", nargs="+", choices=list(TIMINGS), default=list(TIMINGS), help="(default: all)")
    parser.add_argument("--pack", default="compact", help="(default: compact)")
    args = parser.parse_args(argv)
    if not (args.other / "styleclip_core").is_dir():
        parser.error(f"{args.other} is not a checkout of this project")
    other, this = (Checkout(folder.resolve(), args.pack) for folder in (args.other, HERE))
    rows = []
    for timing in args.only:
        pairs = []
        for turn in range(args.rounds + 1):
            order = (other, this) if turn % 2 else (this, other)  # whoever comes first has no advantage
            taken = {checkout: checkout.seconds(timing) for checkout in order}
            pairs.append((taken[other], taken[this]))
        before, now = np.median(pairs[1:], 0)  # the first round warms up
        rows.append([TIMINGS[timing], f"{1000 * before:.0f}", f"{1000 * now:.0f}", f"{now / before:.3f}"])
    print(markdown_table([f"median of {args.rounds}", f"{args.other}, ms", "this checkout, ms", "ratio"], rows))
    for checkout in (other, this):
        checkout.close()


if __name__ == "__main__":
    main()
