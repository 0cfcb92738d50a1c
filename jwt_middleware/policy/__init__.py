"""A path meets its rules, and a caller their requirements. Knows no token.

In `tests/policy`, `test_rules.py` tests `rules`, `tree`, `paths` and `methods`; `test_tree.py`
compares `tree` and `segments` with a naive matcher; `test_requirements.py` tests `requirements`.
"""
