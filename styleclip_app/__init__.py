"""The studio as a web page. `app.py` at the top shows the page in reading order; here is one thing a file:

page.py             what all tabs share: the photo, the settings of its inversion, the views of the last result
photo.py            where the photo comes from, and what happens when one is chosen
prompt_tab.py       path A; each tab: its components, what it reads into a request, its events
sliders_tab.py      path B, with slider_controls.py, own_sliders.py and slider_history.py
local_tab.py        path C, with canvas.py
requests.py         what can be asked for, checked when it is made
session.py          a face is inverted once; a single worker thread runs all model code
jobs.py             how long work begins, reports, is cancelled and ends
results.py          the earlier results of a session
api.py mcp.py       the named endpoints for programs, and as tools for language models
hosting.py          /healthz, /metrics and the login; monitoring.py measures and logs
theme.py zerogpu.py the looks; GPUs that a Space is lent
"""

import styleclip_app.zerogpu  # noqa: F401  # before anything imports torch
