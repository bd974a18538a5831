"""The commands for operators: how a cluster is, and what happens on it."""
