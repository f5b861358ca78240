"""What turns results into pictures.

Read `figures` (style, figures and tables), `intervals`, then the plots of one subject each:
`digit_plots`, `precision_plots`, `roofline_plots`, `voice_plots`; `audio_player` plays a wave and
`monitor` follows a training run.
"""
