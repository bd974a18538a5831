"""The session actors that one driver starts."""
