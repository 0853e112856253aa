"""The translation spaces on WMT; those on IWSLT are what their classes default to."""

from __future__ import annotations

from archrank.spaces.transformers.hat import HAT
from archrank.spaces.transformers.ranknas import RankNASTranslation


def hat_wmt() -> HAT:
    """HAT's space for WMT'14 and WMT'19."""
    return HAT("wmt")


def ranknas_wmt() -> RankNASTranslation:
    """RankNAS's high-accuracy space for WMT'14."""
    return RankNASTranslation("wmt")
