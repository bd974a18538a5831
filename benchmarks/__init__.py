"""Benchmarks of the runtime: each measures one thing, beside what one would use instead."""
