"""How log records are written: with the ids of what they are about."""
