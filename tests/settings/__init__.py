"""Configuration by text: the table of options, the form of a rule, environment and ini.

`test_guard` and `test_environment` also test `reading`, and `test_providers` tests `bearer_file`.
"""
