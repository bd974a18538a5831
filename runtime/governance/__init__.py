"""What decides whether a request may be sent, beyond its own session."""
