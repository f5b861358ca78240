"""The parts of `benchmarks/feedback.py`."""
