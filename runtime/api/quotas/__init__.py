"""Limits that all sessions of a namespace share: how many requests and tokens go to a provider, and whose go first."""
