"""Streams: connections between the processes of a namespace, which carry events and messages instead of Ray calls."""
