"""The parts of benchmarks/many_devices.py: what wires cost, what processes gain, what is shown."""
