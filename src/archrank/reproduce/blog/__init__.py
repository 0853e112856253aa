"""Tables of the blog "Learning to Rank Architectures"."""
