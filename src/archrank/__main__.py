"""``python -m archrank``."""

from archrank.cli.main import main

main()
