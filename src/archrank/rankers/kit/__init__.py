"""Parts that several rankers share: encodings, training of networks, weak labels."""
