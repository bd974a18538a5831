"""What is measured: a program each, run in a process of its own."""
