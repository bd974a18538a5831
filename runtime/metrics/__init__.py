"""What the processes of a runtime count and measure: the metrics, and their values in one process."""
