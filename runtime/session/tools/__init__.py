"""The tools that a session runs itself, on Ray, and how long it waits for results."""
