"""Search in a trained supernet: an accuracy ranker, the evolution of a front, finalists."""
