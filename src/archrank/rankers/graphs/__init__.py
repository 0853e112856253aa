"""Rankers that read a graph of the architecture."""
