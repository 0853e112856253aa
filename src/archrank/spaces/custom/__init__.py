"""Your own spaces: named choices, conditions between them, and a function that builds a network."""
