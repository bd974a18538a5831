"""Rules for requests and histories, written independently of the code that they check."""
