"""How the app looks: its theme, its CSS, and the bits of HTML that tell how long work is going."""

import html

from gradio.themes import Default

from styleclip_core import Face, Progress
from styleclip_core.faces.changes import Report

THEME = Default(
    primary_hue="indigo",
    neutral_hue="slate",
    spacing_size="sm",
    radius_size="md",
    font=["system-ui", "sans-serif"],  # none from the network
    font_mono=["ui-monospace", "monospace"],
)
CSS = """
.gradio-container {max-width: 1440px !important; padding-top: 6px !important; overflow: visible !important}
#head .html-container, .consent .html-container, #status .html-container, #film-status .html-container,
#many-status .html-container, #many-failures .html-container {padding: 0}
#numbers .html-container {padding: 0}
#samples, #prompts {padding: 0}
#head h1 {font-size: 1.3rem; font-weight: 650; margin: 0 12px 0 0; display: inline-block} #head span {opacity: .65}
#head small {display: block; opacity: .65} .consent small {opacity: .65; line-height: 1.2; display: block}
.job, .numbers div {border-radius: 8px; padding: 10px 14px; border: 1px solid var(--border-color-primary);
  background: var(--background-fill-secondary)}
.job {min-height: 46px} .job.bad {border-left: 4px solid #dc2626}
.bar {height: 6px; border-radius: 3px; margin-top: 6px; overflow: hidden; background: var(--border-color-primary)}
.bar i {display: block; height: 100%; background: var(--color-accent)}
.numbers {display: grid; grid-template-columns: repeat(auto-fit, minmax(110px, 1fr)); gap: 8px}
.numbers div {padding: 6px 12px}
.report {margin-bottom: 8px; padding: 2px; line-height: 1.4}
.report.bad {border-left: 4px solid #d97706; padding-left: 10px}
.numbers b {display: block; font-size: 1.1rem} .numbers small {opacity: .7; line-height: 1.25; display: block}
#samples .label, #prompts .label {display: none} #samples .gallery, #prompts .gallery {gap: 5px}
#samples .gallery .gallery {width: 44px; height: 44px} #prompts .gallery-item .gallery {padding: 0}
#prompts .gallery-item {font-size: .8rem; padding: 3px 9px} #random-row input {padding: 5px 8px}
#faces .grid-container {grid-template-columns: repeat(auto-fill, 64px); grid-auto-rows: 64px; padding: 2px}
#history .grid-wrap, #variants .grid-wrap {overflow-y: auto; max-height: 220px} #history {height: auto !important}
#history .grid-container {grid-template-columns: repeat(auto-fill, 76px); grid-auto-rows: 76px; padding: 26px 2px 2px}
#faces .selected, #history .selected, #variants .selected {outline: 3px solid var(--color-accent)}
#history .caption-label {font-size: .62rem; line-height: 1; padding: 2px 4px; max-width: 100%}
body.peek #compare img:nth-of-type(2), body.peek #whole img:nth-of-type(2) {visibility: hidden}
#peek {touch-action: none; user-select: none}
@media (min-width: 900px) {
  #results {position: sticky; top: 8px; align-self: flex-start; flex-wrap: nowrap; max-height: calc(100vh - 16px);
    overflow-y: auto}
  #results > * {flex-shrink: 0}
}
#film-frames .thumbnail-lg {aspect-ratio: auto} #film-frames .grid-container {grid-template-rows: none !important}
#many-gallery {height: auto !important} #many-gallery .grid-wrap {height: auto !important;
  min-height: 0 !important; max-height: 70vh !important}
#many-gallery .grid-container {grid-template: none / repeat(auto-fill, minmax(130px, 1fr)) !important;
  height: auto !important; padding: 26px 2px 2px}
#many-gallery .caption-label {font-size: .68rem; max-width: 100%; white-space: normal}
#many-failures ul {margin: 4px 18px}
#film-frames .grid-wrap {max-height: none !important; height: auto !important}
.edit-slider {padding: 4px 8px} .edit-slider .head {flex-wrap: nowrap} #regions {gap: 6px}
#bare {display: none} body.bare #bare {display: block !important}
#regions button {flex: 0 1 auto !important; min-width: fit-content !important; padding: 4px 9px}
#overlay {border: 0; padding: 0; align-self: center; flex: 0 0 auto !important; width: auto !important;
  min-width: fit-content !important}
#place-row {align-items: center}
@media (max-width: 640px) {#editor, #bare {height: 400px !important} #compare, #whole {height: 360px !important}
  .edit-slider {min-width: 100% !important}}
body.bare #editor {position: absolute; left: -9999px; width: 440px}
#random-row {align-items: center; flex: 0 0 200px; gap: 6px} #random-row button {white-space: nowrap; font-size: .8rem}
"""
# Keys: Ctrl+Enter runs what the open tab is for, Escape cancels, Ctrl+Z and Ctrl+Shift+Z go through the history except
# in fields of text, which undo by themselves. And a button that shows the unedited picture while it is held.
KEYS = """() => {
  const seen = (css) => [...document.querySelectorAll(css)].find((e) => e.offsetParent && !e.disabled)
  document.addEventListener('keydown', (event) => {
    const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase()
    const typing = event.target.matches('textarea, input:not([type=range]):not([type=checkbox])')
    let button
    if (command && key === 'enter') button = seen('#run, #apply, #local-run, #many-run')
    else if (key === 'escape') button = seen('.cancel')
    else if (command && !typing && key === 'z') button = seen(event.shiftKey ? '#redo' : '#undo')
    else if (command && !typing && key === 'y') button = seen('#redo')
    if (button) { event.preventDefault(); event.target.blur?.(); button.click() }
  }, true)
  const peek = (on) => (event) => {
    if (!on || event.target.closest?.('#peek')) document.body.classList.toggle('peek', on)
  }
  const held = (on) => (event) => { if ([' ', 'Enter'].includes(event.key)) peek(on)(event) }
  const name = () => {  // the examples are pictures, of which gradio names none
    const samples = document.querySelectorAll('#samples button')
    samples.forEach((button, i) => { button.ariaLabel = `Example ${i + 1}` })
    if (!samples.length) setTimeout(name, 500)
  }
  name()
  document.addEventListener('pointerdown', peek(true)); document.addEventListener('keydown', held(true))
  for (const end of ['pointerup', 'pointercancel', 'blur', 'keyup']) window.addEventListener(end, peek(false))
}"""


def note_html(note: str) -> str:
    """A line under the title, if there is something to say about the pack."""
    return f"<small>{html.escape(note)}</small>" if note else ""


def status_html(text: str, fraction: float | None = None, bad: bool = False) -> str:
    bar = "" if fraction is None else f'<div class="bar"><i style="width:{100 * fraction:.0f}%"></i></div>'
    return f'<div class="job{" bad" if bad else ""}">{html.escape(text)}{bar}</div>'


def progress_html(step: Progress, seconds: float) -> str:
    left = f" · about {seconds / step.step * (step.steps - step.step):.0f} s left" if step.step > 1 else ""
    if not step.steps:  # the first picture of an edit without refinement
        return status_html(step.stage, 0)
    return status_html(f"{step.stage}: step {step.step} of {step.steps}{left}", step.step / step.steps)


def report_html(report: Report | None) -> str:
    """What measurably changed, in sentences; nothing if there is nothing to say."""
    said = report.sentences() if report else []
    css = "report bad" if report and report.visible is False else "report"
    return f'<div class="{css}">{"<br>".join(map(html.escape, said))}</div>' if said else ""


def numbers_html(scores: dict[str, float], face: Face, report: Report | None = None) -> str:
    tiles = []
    if "similarity_after" in scores:
        change = f"{scores['similarity_before']:+.1f} → {scores['similarity_after']:+.1f}"
        tiles.append((change, "prompt match (0 usual, 2 rare)"))
    if "identity" in scores:
        tiles.append((f"{scores['identity']:.2f}", "same person (1 identical)"))
    tiles += [
        (f"{scores['distance']:.2f}", "picture changed by (0 not at all)"),
        (f"{scores['seconds']:.0f} s", f"for the edit, {face.seconds:.0f} s for the inversion"),
    ]
    cells = "".join(f"<div><b>{value}</b><small>{text}</small></div>" for value, text in tiles)
    return f'{report_html(report)}<div class="numbers">{cells}</div>'
