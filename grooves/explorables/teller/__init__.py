"""The explorable `teller`: the trained model tells a story on the welcome page, and the language
judges it. `widget` shows it in JupyterLab, `still` draws it."""
