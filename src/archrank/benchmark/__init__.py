"""Benchmark tables: building one, its data card, and verification of the built-in ones."""
