"""The explorable `sampling`: samplers, distances to the language, and beam search. `widget` shows
it in JupyterLab, `still` draws it."""
