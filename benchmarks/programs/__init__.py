"""The programs that measure: each runs in its own process."""
