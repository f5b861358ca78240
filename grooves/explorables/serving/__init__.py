"""The explorable `serving`: batching policies on a timetable. `widget` shows it in JupyterLab,
`simulation` computes it in Python, `still` draws it."""
