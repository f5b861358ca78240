"""The explorable `devices`: a cluster to build, and who waits for whom. `widget` shows it in
JupyterLab, `still` draws it; the formulas are those of `grooves/hardware/many_devices/`."""
