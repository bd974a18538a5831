"""Costs that grow with something: each done at several sizes, and the exponent of its growth."""
