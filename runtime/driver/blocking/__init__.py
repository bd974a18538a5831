"""The blocking API: the async one for scripts that can't await."""
