"""Hardware beyond one chip: what many devices cost and gain, and how to predict it.

Read `alpha_beta` (how long a message takes), `links` (what makers publish of their links) and
`dense` (what a model needs) first. Then `memory` (how it is divided, and what each device stores),
`cluster` (the time of a training step), `plans` (the search for the fastest way to divide a model),
`requests` (one answer by several devices), `published_runs` (all of it against what others
measured), and `failures` (what breaks, and what a checkpoint costs). Chapter 13.
"""
