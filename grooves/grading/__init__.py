"""Labs made from their solutions, and submissions graded.

Read `masters` and `reference` (what a lab is), `command` (`grooves labs ...`), `grading_run` and
`supervisor` (one run), `submissions`, `assign` and `identify` (what came in), `grader` with
`sandbox`, `session` and `judge` (one submission, run apart), then `store`, `tables`, `feedback`.
"""
