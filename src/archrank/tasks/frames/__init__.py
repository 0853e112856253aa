"""Tasks of data frames: rows of numbers, truth values and categories."""
