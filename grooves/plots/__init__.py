"""What turns results into figures, tables and entries of the ledger.

Read `colours` (one for each method), `lettering` (labels that nothing hides), `figures` (style,
figures and tables), `typeset` (what tables' cells say), `intervals`, then the plots of one subject
each: `digit_plots`, `fine_tuning_plots`, `precision_plots`, `roofline_plots`, `voice_plots`;
`audio_player` plays a wave and `monitor` follows a training run. `claims` keeps the verdicts that
the ledger collects, and `contents` lists the chapters.
"""
