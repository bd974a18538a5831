"""Benchmarks on several nodes."""
