"""What turns results into figures, tables and entries of the ledger.

Read `figures` (style, figures and tables), `typeset` (what their cells say), `intervals`, then the
plots of one subject each: `digit_plots`, `precision_plots`, `roofline_plots`, `voice_plots`;
`audio_player` plays a wave and `monitor` follows a training run. `claims` keeps the verdicts that
the ledger collects, and `contents` lists the chapters.
"""
