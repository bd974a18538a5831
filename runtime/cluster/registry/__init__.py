"""A driver's access to sessions, and to the actors that host them."""
