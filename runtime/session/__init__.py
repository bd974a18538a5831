"""A session at work: the shell around the pure core. It knows nothing of Ray."""
