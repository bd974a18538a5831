"""The command line: `rayconteur demo`, `rayconteur chat`, and `rayconteur bench`."""
