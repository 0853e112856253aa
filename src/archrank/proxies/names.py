"""Names of the zero-cost proxies, and those that are computed unless others are asked for."""

from archrank.registry import Registry

PROXIES = Registry(
    "proxy",
    {
        "grad_norm": "archrank.proxies:grad_norm",
        "jacob_cov": "archrank.proxies:jacob_cov",
        "naswot": "archrank.proxies:naswot",
        "snip": "archrank.proxies:snip",
        "synflow": "archrank.proxies:synflow",
    },
    plural="proxies",
)

DEFAULT = ("synflow", "jacob_cov", "naswot", "snip", "grad_norm")
