"""The explorable `feedback`: thumbs change a model in the page. `widget` shows it in JupyterLab,
`still` draws it."""
