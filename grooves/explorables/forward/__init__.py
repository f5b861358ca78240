"""The explorable `forward`: a digit drawn and followed through a network. `widget` shows it in
JupyterLab, `still` draws it."""
