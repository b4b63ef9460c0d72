"""Benchmarks: the usual naive program, the minimum of any program, and the product, side by side."""
