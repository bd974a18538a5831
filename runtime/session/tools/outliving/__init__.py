"""Tools that outlive the process of their session: another process runs them, and keeps the results."""
