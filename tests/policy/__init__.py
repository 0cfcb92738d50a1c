"""What `policy` decides: prefixes, the tree of rules, the bound of work."""
