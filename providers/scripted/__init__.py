"""A provider inside the process that streams a script: for demos, tests and benchmarks."""
