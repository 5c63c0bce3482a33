"""Takes timings of whichever styleclip_core is imported: a process of `benchmarks.side_by_side`.

It must run with earlier versions of the library too, so it uses nothing but the library's public API. It is told names
of `TIMINGS` on standard input, one a line, and answers with seconds.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from pathlib import Path

TIMINGS = {
    "draw": "a picture of 1024 px",
    "preview": "a preview of 256 px, while a slider is dragged",
    "step": "one step of path A",
    "invert": "an inversion of 30 steps",
}
CALLS = 5  # of what takes less than a second, of which the median counts
STEPS = 6  # of path A, of which the median counts, less the first


class Timer:
    """The things that are timed."""

    def __init__(self, pack: str, examples: Path):
        from styleclip_core import latents, load_studio

        self.studio = load_studio(pack)
        generator = self.studio.pack.generator
        self.face = self.studio.random_face(1)
        self.code = latents.random_w(generator, 1).expand(1, generator.num_layers, 512)
        self.photo = min(examples.glob("*.jpg"))
        self.numbers = itertools.count()
        self.strengths = itertools.cycle((0.5, 1.0, -1.0))  # no picture twice in a row

    def seconds(self, timing: str) -> float:
        """Take one of `TIMINGS`."""
        if timing == "step":
            return self.step()
        taken = []
        for _ in range(1 if timing == "invert" else CALLS):
            start = time.perf_counter()
            getattr(self, timing)()
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)

    def draw(self) -> None:
        import torch

        with torch.no_grad():
            self.studio.pack.generator.synthesize(self.code).cpu()

    def preview(self) -> None:
        self.studio.preview(self.face, {"boundary:smile": next(self.strengths)})

    def invert(self) -> None:
        from styleclip_core import InvertSettings

        # Codes are remembered by photo and settings, so no two settings are alike; the cost is the same.
        settings = InvertSettings(prior=0.01 + 1e-9 * next(self.numbers))
        reports = sum(1 for _ in self.studio.invert_steps(self.photo, settings=settings))
        assert reports > settings.steps, "the steps were not taken"

    def step(self) -> float:
        from styleclip_core import OptimizeSettings

        settings, ends = OptimizeSettings(steps=STEPS, patience=0), []
        for report in self.studio.optimize_steps(self.face, "a smiling person", settings):
            if hasattr(report, "step"):  # the edit comes last
                ends.append(time.perf_counter())
        return statistics.median(after - before for before, after in itertools.pairwise(ends))


def main() -> None:
    timer = Timer(sys.argv[1], Path(sys.argv[2]))
    for line in sys.stdin:
        print(json.dumps(timer.seconds(line.strip())), flush=True)


if __name__ == "__main__":
    main()
