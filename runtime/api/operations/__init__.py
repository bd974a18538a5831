"""What operators are told about a cluster."""
