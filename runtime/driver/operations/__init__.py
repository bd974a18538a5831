"""What operators ask about a cluster."""
