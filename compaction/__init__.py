"""Ways to shorten a history, one file per strategy."""
