"""The explorable `backprop`: gradients of a formula and of a small network. `widget` shows it in
JupyterLab, `still` draws it."""
