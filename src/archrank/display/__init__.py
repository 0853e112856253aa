"""Progress of long commands, shown live on a terminal or as plain lines."""
