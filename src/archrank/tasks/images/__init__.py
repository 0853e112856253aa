"""Image classification tasks."""
