"""The explorable `memory`: number formats, and what fits. `widget` shows it in JupyterLab, `still`
draws it."""
