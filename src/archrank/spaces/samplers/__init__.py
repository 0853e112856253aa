"""Samplers of architectures of given FLOPs or latency."""
