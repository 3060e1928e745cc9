"""Benchmark data and its known answers: the starter set that seapo ships, and benchmarks from a local folder."""
