"""Reading the blocks and the events of answers that need more than their documented form."""
