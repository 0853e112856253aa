"""The NDS spaces by the names of the papers: eight on CIFAR, five on ImageNet."""

from __future__ import annotations

from archrank.spaces.nds.space import NDS


def darts() -> NDS:
    """DARTS on CIFAR: 15 widths and depths."""
    return NDS("darts")


def darts_fixwd() -> NDS:
    """DARTS at width 16 and depth 20."""
    return NDS("darts", widths=(16,), depths=(20,))


def enas() -> NDS:
    """ENAS on CIFAR."""
    return NDS("enas")


def enas_fixwd() -> NDS:
    """ENAS at width 16 and depth 20."""
    return NDS("enas", widths=(16,), depths=(20,))


def pnas() -> NDS:
    """PNAS on CIFAR."""
    return NDS("pnas")


def pnas_fixwd() -> NDS:
    """PNAS at width 16 and depth 20."""
    return NDS("pnas", widths=(16,), depths=(20,))


def amoeba() -> NDS:
    """Amoeba on CIFAR."""
    return NDS("amoeba")


def nasnet() -> NDS:
    """NASNet on CIFAR."""
    return NDS("nasnet")


def darts_in() -> NDS:
    """DARTS on ImageNet."""
    return NDS("darts", "imagenet")


def enas_in() -> NDS:
    """ENAS on ImageNet."""
    return NDS("enas", "imagenet")


def pnas_in() -> NDS:
    """PNAS on ImageNet."""
    return NDS("pnas", "imagenet")


def amoeba_in() -> NDS:
    """Amoeba on ImageNet."""
    return NDS("amoeba", "imagenet")


def nasnet_in() -> NDS:
    """NASNet on ImageNet."""
    return NDS("nasnet", "imagenet")
