"""Spaces of cells with operations on edges: NAS-Bench-201, TransNAS-Bench-101 micro, your own."""
