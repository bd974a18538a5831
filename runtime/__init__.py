"""Sessions, their actors, the router and the driver's face."""
