"""Checks of what a program gives, and what error messages show of it."""
