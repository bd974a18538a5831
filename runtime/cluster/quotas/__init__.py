"""The quota broker of a namespace: its actor, and the connections to it."""
