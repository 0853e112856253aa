"""Runs of the command line: settings as plain text, objects made from them, the run folder."""
