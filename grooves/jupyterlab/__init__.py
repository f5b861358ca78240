"""The course in JupyterLab: `grooves lab`, and what the server and the page do differently for it.

Read `start` first: it is the command, and starts JupyterLab with settings of its own, so that
nothing is written to the user's own Jupyter configuration. `server` is an extension of the server:
it serves the built book and leaves the solutions out of the file browser. `extension/` is one
script in the page, which opens a link to a chapter as the chapter's page.
"""
