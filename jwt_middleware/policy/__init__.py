"""A path meets its rules, and a caller their requirements. Knows no token.

`tests/test_rules.py` tests `rules`, `tree`, `paths` and `methods`; `tests/test_requirements.py`
tests `requirements`; `tests/policy/` tests `prefixes`, and more of the others.
"""
