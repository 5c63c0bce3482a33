"""The command train-mapper, for sliders of one's own."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from styleclip_core.cli.common import NetworkOptions, Seed, write
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import BadSetting

app = typer.Typer()
PANEL = "Train a slider"


class Losses(StrEnum):
    """What a mapper is trained by."""

    STUDIO = "studio"
    OFFICIAL = "official"


class Level(StrEnum):
    """Layers of W+ that a mapper may move."""

    COARSE = "coarse"
    MEDIUM = "medium"
    FINE = "fine"


@command(
    app,
    PANEL,
    examples="""
  {prog} train-mapper "a person with purple hair" --name purple_hair
  {prog} train-mapper "a person with red lips" --name red_lips --levels fine --steps 300
""",
)
def train_mapper(
    prompt: Annotated[str, typer.Argument(help="What strength 1 of the slider should look like.")],
    name: Annotated[str, typer.Option(help="Of the file and of the slider: letters, digits, _ and -.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Where the mapper, its losses and its samples go; a run that was stopped goes on there. With the pack "
            "full and its sisters it is the folder in the cache whose mappers are among the pack's sliders.",
            show_default="mappers",
        ),
    ] = None,
    losses: Annotated[
        Losses, typer.Option(help="studio, path A's; or StyleCLIP's: CLIP 1, identity 0.1, squared step 0.8.")
    ] = Losses.STUDIO,
    levels: Annotated[
        list[Level] | None,
        typer.Option(metavar="LEVEL...", help="Layers that may move.", show_default=" ".join(Level)),
    ] = None,
    steps: Annotated[int, typer.Option(help="On pictures.")] = 160,
    seed: Seed = 0,
    networks: NetworkOptions,
) -> None:
    """Train the mapper of a slider, in minutes on a CPU."""
    if not re.fullmatch(r"[\w-]{1,60}", name):
        raise BadSetting("--name takes letters, digits, _ and - only, at most 60.")
    from styleclip_core.packs import load_pack
    from styleclip_core.training.mapper import MapperSettings, run

    official = tuple(level.replace("coarse", "course") for level in levels or Level)
    settings = MapperSettings(levels=official, steps=steps, seed=seed, losses=losses.value)
    loaded = load_pack(networks.pack, networks.device, networks.precision)
    folder = output or loaded.own_mappers or Path("mappers")
    path = folder / f"{name}.pt"
    write(str(path), lambda _: folder.mkdir(parents=True, exist_ok=True))
    write(str(path), lambda _: run(loaded, prompt, path, settings))
    print(f"{path}, and beside it what it learned: .losses.png, .samples.jpg")
