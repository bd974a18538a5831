"""What is known and counted of requests and turns."""
