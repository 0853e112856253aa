"""Spaces of mobile networks: ProxylessNAS and AttentiveNAS."""
