"""What calls take, and what becomes of the turn of one that is abandoned."""
