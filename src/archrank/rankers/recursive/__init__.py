"""Tiny recursive ranker of the blog "Learning to Rank Architectures"."""
