"""Rules for parts of requests that belong to a beta."""
