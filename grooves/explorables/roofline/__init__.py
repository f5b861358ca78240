"""The explorable `roofline`: which limit binds. `widget` shows it in JupyterLab, `still` draws
it."""
