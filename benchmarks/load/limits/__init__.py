"""A load server with the limits of an account."""
