"""A path meets its rules, and a caller their requirements. Knows no token.

`tests/test_rules.py` tests `rules`, `paths` and `methods`; `tests/test_requirements.py` tests
`requirements`.
"""
