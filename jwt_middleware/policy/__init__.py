"""Matches paths with rules, and callers with the rules' requirements. Does not know tokens.

In `tests/policy`, `test_rules.py` tests `rules`, `tree`, `paths` and `methods`; `test_tree.py`
compares `tree` and `segments` with a naive matcher; `test_requirements.py` tests `requirements`.
"""
