"""The command line: `rayconteur demo` and `rayconteur chat`."""
