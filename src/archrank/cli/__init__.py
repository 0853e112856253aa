"""The command line. One file per command; ``main`` puts them together."""
