"""Spaces of Transformers: HAT, RankNAS and GPT-S."""
