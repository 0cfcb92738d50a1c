"""A path meets its rules, and a caller their requirements. Knows no token.

In `tests/policy`, `test_rules.py` tests `rules`, `paths` and `methods`; `test_requirements.py`
tests `requirements`.
"""
