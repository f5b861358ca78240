"""Labs made from their solutions, and submissions graded.

Read `masters` (what a lab is), `command` (the commands `grooves labs ...`), `submissions`, `grader`
with `sandbox` and `judge` (a submission run apart from the grader), then `feedback`.
"""
