"""Write requirements.txt and requirements-dev.txt from pyproject.toml, or with --check say whether they agree.

A Space installs requirements.txt before it sees any other file, so that it must name every package itself.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN_TIME, DEVELOPMENT = ("full", "app", "video"), ("train", "dev")
NOTE = "# Written by `make requirements` from pyproject.toml: change it there.\n"


def files() -> dict[str, str]:
    """File name -> content."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    running = project["dependencies"] + [line for name in RUN_TIME for line in extras[name]]
    developing = ["-r requirements.txt"] + [line for name in DEVELOPMENT for line in extras[name]]
    contents = {"requirements.txt": running, "requirements-dev.txt": developing}
    return {name: NOTE + "".join(f"{line}\n" for line in lines) for name, lines in contents.items()}


def main() -> int:
    if "--check" in sys.argv:
        stale = [name for name, content in files().items() if (ROOT / name).read_text() != content]
        if stale:
            print(f"{', '.join(stale)} differ from pyproject.toml; run `make requirements`.", file=sys.stderr)
        return 1 if stale else 0
    for name, content in files().items():
        (ROOT / name).write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
