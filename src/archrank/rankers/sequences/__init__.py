"""Rankers that read a sequence of operations."""
