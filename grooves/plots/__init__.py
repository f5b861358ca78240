"""Results as figures, tables and entries of the ledger.

Read `colours` (one for each method), `lettering` (labels that do not overlap), `figures` (style,
figures and tables), `typeset` (numbers and links in table cells), `intervals`, then the plots of
one subject each: `digit_plots`, `fine_tuning_plots`, `precision_plots`, `roofline_plots`,
`voice_plots`; `audio_player` plays a waveform and `monitor` follows a training run. `claims` keeps
the verdicts that the ledger collects, and `contents` lists the chapters.
"""
