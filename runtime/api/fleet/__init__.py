"""Calls for many sessions: which they are for, and what they did."""
