"""The explorable `choosing`: the cheapest machine for a workload, as a map. `widget` shows it in
JupyterLab, `still` draws it; the formulas are those of `grooves/hardware/choosing/`."""
