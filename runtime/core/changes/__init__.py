"""How turns are removed from a history, and parts of an answer joined in it."""
