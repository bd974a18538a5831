"""Sessions that survive the loss of their process: recording, and going on from what was recorded."""
