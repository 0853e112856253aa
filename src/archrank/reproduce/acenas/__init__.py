"""Tables and figures of AceNAS."""
