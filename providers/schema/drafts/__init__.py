"""Parts of an answer that is being received."""
