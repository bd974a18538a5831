"""Shared limits: a pure scheduler that admits requests, and the client and the server through which hosts ask it."""
