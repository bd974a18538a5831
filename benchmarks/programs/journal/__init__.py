"""Benchmarks of durable sessions: what a journal costs, and how fast sessions come back from it."""
