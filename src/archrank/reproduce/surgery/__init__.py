"""Tables and figures of "A Surgery of the Neural Architecture Evaluators"."""
