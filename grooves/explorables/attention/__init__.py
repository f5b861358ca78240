"""The explorable `attention`: which words a trained transformer attends to. `widget` shows it in
JupyterLab, `still` draws it."""
