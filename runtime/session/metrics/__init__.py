"""What the sessions of a process count, and its gauges."""
