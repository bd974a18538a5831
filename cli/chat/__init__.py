"""`rayconteur chat`: one session in the terminal."""
