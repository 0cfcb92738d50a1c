"""The tests: unit tests in folders that mirror the package, `kit/` with what they share, `checks/`."""
