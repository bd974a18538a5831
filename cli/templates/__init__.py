"""The commands about templates."""
