"""The explorable `studio`: all runs of a folder side by side, and a data set. Read `rows`, which
says what is shown of a run, then `widget`, and `recording`, which shows a folder without a kernel.
"""
