"""One file per strategy: its config, which is also its implementation."""
