"""Connections to servers, kept open between requests."""
