"""The explorable `labels`: targets made from a sentence. `widget` shows it in JupyterLab, `still`
draws it."""
