"""The studio as a web page. `app.py` at the top shows the page in reading order; here is one thing a file:

page.py             what all tabs share: the photo, the settings of its inversion, how results are shown
photo.py            where the photo comes from, and what happens when one is chosen; examples.py: those that come along
prompt_tab.py       path A; each tab: its components, what it reads into a request, its events
sliders_tab.py      path B, with slider_controls.py and own_sliders.py
local_tab.py        path C, with canvas.py
many_tab.py         the same edit on several photos; video_tab.py: on a face through a video
requests.py         what can be asked for, checked when it is made
session.py          a face is inverted once; a single worker thread runs all model code
jobs.py             how long work begins, reports, is cancelled and ends
viewer.py           the page's right side: the last result, those before it, buttons; saving.py: how it is saved
results.py          what an edit made, as it is kept; history.py: undo, redo, going on from a result
recipes.py          controls that are set by saved settings, an address, what the browser remembers
api.py mcp.py       the named endpoints for programs, and as tools for language models
hosting.py          /healthz, /metrics and the login; monitoring.py measures and logs
theme.py zerogpu.py the looks; GPUs that a Space is lent
"""

import styleclip_app.zerogpu  # noqa: F401  # before anything imports torch
