"""What the course runs on, measured and published.

Read `timing`, `microbench` and `latency` (what a device can do), `roofline` (which limit binds),
`caches` and `tiling` (what is fetched, and how to fetch less), `workloads` (the course's own
models), `record` (all of it in one file), `devices` and `chips` (what makers publish), `shading`
and `costs`. `dataflow/` is a simulated chip without caches, with its compiler;
`many_devices/` models clusters and measures two processes and two hosts.
`machine` and `doctor` look at the machine that the student has.
"""
