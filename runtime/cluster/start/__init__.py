"""Connecting a process to Ray, or starting Ray."""
