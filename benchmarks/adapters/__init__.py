"""Adapters: one file per system that is compared, behind one interface."""
