"""Training of networks: recipe, loop, evaluation, augmentation, and groups of networks at once."""
