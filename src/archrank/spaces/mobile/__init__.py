"""Spaces of mobile networks: ProxylessNAS, FBNet and AttentiveNAS."""
