"""Splitting the body of an answer into its events, in whatever format it is, and decoding them."""
