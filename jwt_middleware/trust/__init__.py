"""A token becomes a verified caller. Knows no request: nothing here takes an environ."""
