"""What a turn's events add up to: its final answer, and a value of a type that the answer's text is."""
