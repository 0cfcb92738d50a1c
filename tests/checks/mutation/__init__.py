"""Mutants of the modules that decide who gets in, each killed by a test of the quick suite."""
