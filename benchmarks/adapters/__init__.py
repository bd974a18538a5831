"""Adapters: one file per system that is compared, this runtime included, behind one interface."""
