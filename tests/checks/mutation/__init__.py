"""Mutants of the modules that decide who gets in, each killed by a test of the quick suite.

| module | mutants | killed | equivalent |
|---|---|---|---|
| `trust/jws` | 159 | 146 | 13 |
| `trust/claims` | 393 | 386 | 7 |
| `trust/verifier` | 358 | 345 | 13 |
| `policy/binding` | 13 | 13 | 0 |
| `policy/candidates` | 48 | 48 | 0 |
| `policy/methods` | 228 | 224 | 4 |
| `policy/naming` | 16 | 16 | 0 |
| `policy/segments` | 68 | 66 | 2 |
| `policy/prefixes` | 332 | 327 | 5 |
| `policy/wildcards` | 83 | 71 | 12 |
| `policy/paths` | 355 | 352 | 3 |
| `policy/published` | 72 | 71 | 1 |
| `policy/requirements` | 282 | 281 | 1 |
| `policy/rules` | 323 | 320 | 3 |
| `policy/step_up` | 88 | 83 | 5 |
| `policy/tree` | 378 | 370 | 8 |
| `wire/credentials` | 250 | 208 | 42 |

`equivalents.toml` has the reason for each equivalent one. `python -m tests.checks.mutation MODULE`
makes a row anew.
"""
