"""`rayconteur demo`: many sessions at once, and how their progress is displayed."""
