"""Images and documents in files."""
