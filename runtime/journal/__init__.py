"""Durable state: the records of sessions, and where they are stored."""
