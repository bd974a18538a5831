"""Benchmarks of shared limits."""
