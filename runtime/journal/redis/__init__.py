"""A journal in a Redis server."""
