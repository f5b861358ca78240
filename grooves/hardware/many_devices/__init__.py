"""Hardware beyond one chip: what many devices cost and gain, and how to predict it.

Read `alpha_beta` (how long a message takes), `links` (what makers publish of their links) and
`dense` (what a model needs) first. Then `memory` (how it is divided, and what each device stores),
`cluster` (the time of a training step), `plans` (the search for the fastest way to divide a model),
`requests` (one answer by several devices), `published_runs` (all of it against what others
measured), and `failures` (what breaks, and what a checkpoint costs). `loaders` and `host_work` are
about the host that feeds a device. `relay` is a slow wire and `hosts` two hosts on one machine, on
which `wire_steps` predicts steps, `averaging` trains and `kill_across` kills; `tensor_requests`
answers one user with two processes. Chapter 13.
"""
