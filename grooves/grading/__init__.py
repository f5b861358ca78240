"""Labs made from their solutions, and submissions graded.

Read `masters` and `reference` (what a lab is), `command` (`grooves labs ...`), `grading_run` and
`supervisor` (one run), `submissions`, `assign` and `identify` (what was handed in), `grader` with
`sandbox`, `session` and `judge` (one submission in its own process), then the folder `records`.
"""
