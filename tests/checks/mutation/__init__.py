"""Mutants of the modules that decide who gets in, each killed by a test of the quick suite.

| module | mutants | killed | equivalent |
|---|---|---|---|
| `trust/jws` | 155 | 142 | 13 |
| `trust/claims` | 406 | 400 | 6 |
| `trust/verifier` | 348 | 339 | 9 |
| `policy/candidates` | 48 | 48 | 0 |
| `policy/methods` | 228 | 224 | 4 |
| `policy/paths` | 355 | 352 | 3 |
| `policy/prefixes` | 332 | 327 | 5 |
| `policy/published` | 72 | 71 | 1 |
| `policy/requirements` | 296 | 295 | 1 |
| `policy/rules` | 322 | 319 | 3 |
| `policy/segments` | 68 | 66 | 2 |
| `policy/tree` | 378 | 370 | 8 |
| `policy/wildcards` | 83 | 71 | 12 |
| `wire/credentials` | 172 | 151 | 21 |

`equivalents.toml` has the reason for each equivalent one. `python -m tests.checks.mutation MODULE`
makes a row anew.
"""
