"""A journal in another process, over a stream."""
