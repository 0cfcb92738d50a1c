"""The tests: unit tests in folders that mirror the package, `kit/` that all share, `checks/`."""
