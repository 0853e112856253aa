"""The NAS-Bench-101 space."""
