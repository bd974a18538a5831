"""Comparisons of whole systems: the same workload for each, in turn, each in a process of its own."""
