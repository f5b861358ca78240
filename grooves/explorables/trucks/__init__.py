"""The explorable `trucks`: latency against throughput. `widget` shows it in JupyterLab, `still`
draws it."""
