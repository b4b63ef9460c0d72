"""Benchmarks: what users write first, the least that any program must do, and ours, side by side."""
