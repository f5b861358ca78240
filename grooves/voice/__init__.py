"""A small model that speaks, and whose voice it has.

Read `speakers` (two synthetic voices), `acoustics` (pitch and formants measured), `vocoder` (a
wave as frames, and back), `voice_model`, then `voice_metrics`, which compares two voices.
"""
