"""The explorable `dataflow`: one decoding step on a chip without a cache. `widget` shows it in
JupyterLab, `programs` keeps what the compiler makes of the step, `still` draws it."""
