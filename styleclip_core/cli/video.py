"""The command that edits a face through a video."""

from __future__ import annotations

from typing import Annotated

import typer

from styleclip_core.cli.common import NetworkOptions, check_output, watch
from styleclip_core.cli.edit_options import slider_values
from styleclip_core.cli.typer_kit import command
from styleclip_core.settings import OptimizeSettings, check_prompt

app = typer.Typer()
PANEL = "Edit a video"


@command(
    app,
    PANEL,
    examples="""
  {prog} video clip.mp4 "a smiling person" -o out.mp4

  # By sliders, in a region, a part of the clip only
  {prog} video clip.mp4 -o out.mp4 --sliders mapper:smiling=1 boundary:age=-0.5
  {prog} video clip.mp4 "blond hair" -o out.mp4 --region hair --start 2 --end 8.5
""",
)
def video(
    source: Annotated[str, typer.Argument(metavar="VIDEO", help="Film with a face in it.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="The edited film (.mp4, .mov, .mkv).")],
    *,
    prompt: Annotated[str | None, typer.Argument(help="What the face should look like.")] = None,
    sliders: Annotated[
        list[str] | None,
        typer.Option(metavar="SLIDER=VALUE...", help="Sliders in place of a prompt; `sliders` lists them."),
    ] = None,
    region: Annotated[
        str,
        typer.Option(metavar="NAME", help="Where the edit may show, as `edit` has it; of sliders, auto is everywhere."),
    ] = "auto",
    strength: Annotated[
        float, typer.Option(help="Of a prompt: 0 changes nothing, 1 is clearly visible, at most 2.")
    ] = OptimizeSettings.strength,
    start: Annotated[float | None, typer.Option(metavar="SECONDS", help="Edit and keep only what comes after.")] = None,
    end: Annotated[float | None, typer.Option(metavar="SECONDS", help="Edit and keep only what comes before.")] = None,
    face: Annotated[int, typer.Option("--face", metavar="N", help="Which face of the first frame, 0 the largest.")] = 0,
    anyway: Annotated[bool, typer.Option("--anyway", help="Try a prompt of which the model knows nothing.")] = False,
    networks: NetworkOptions,
) -> None:
    """Edit the face in a video by a prompt or by sliders. Broken off, it goes on when it is called again."""
    check_output(output, (".mp4", ".mov", ".mkv"))
    settings, values = OptimizeSettings(strength=strength), slider_values(None, sliders or [])
    prompt = None if prompt is None else check_prompt(prompt)
    from styleclip_core.video import Wish, edit_video_steps
    from styleclip_core.video.container import open_clip

    open_clip(source, start, end)  # what is no video is refused before the networks are loaded
    studio = networks.load()
    if prompt is not None and not anyway:
        studio.check_known(prompt)
    wish = Wish(prompt, values, region, settings)
    made = watch(edit_video_steps(studio, source, output, wish, None, start, end, face))
    print(f"{output}: {made.edited} of {made.frames} frames edited, {made.seconds:.0f} s")
    for sentence in (made.said.replace("→", "->"), *made.notes):
        if sentence:
            print(sentence)
