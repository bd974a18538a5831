"""Recorded requests, read back into configs, settings and messages, and what the clients send for these."""
