"""Ray: the actors, and the driver's face."""
