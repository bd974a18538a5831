"""The pure core of a session: events in, instructions out."""
