"""Choosing hardware: what a machine answers, what that costs, and which one is the cheapest.

Read `grooves.hardware.prices` and `servers` (what there is), `answers` (tokens per second) and
`tokens` (cost and energy per token) first. Then `rent_or_buy` (total cost over time, and where the
two cross), `assumptions` (how uncertain that is, and which assumption matters most), `cheapest`
(the cheapest plan under a latency goal, by search), `winners` (a map of them), `customers` (the
lab's planning problem) and `own_runs` (what the course's own runs and models cost). Chapter 15.
"""
