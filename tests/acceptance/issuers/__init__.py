"""The recipes of `docs/issuers`, each against a stand-in that sends what its issuer documents."""
