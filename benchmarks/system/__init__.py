"""The machine, its processes, and the Ray that the benchmarks run on."""
