"""Command line: one file per command; ``main`` puts them together."""
