"""Tools that run on Ray: how they get there, and what runs them."""
