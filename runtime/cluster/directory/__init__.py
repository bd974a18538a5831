"""The directory of a namespace: which session actor hosts which session."""
