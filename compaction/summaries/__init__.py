"""Summaries of messages: how a model is asked for one, and the message that holds it."""
