"""Interrupts in every phase of a turn, as the program and the provider see them."""
