"""HTTP in and out: finds tokens in requests and builds the answers. Does not know keys or rules."""
