"""Study of supernets: how far one-shot scores can be trusted, against a table of truth."""
