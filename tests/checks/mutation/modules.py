"""The modules whose mutants are hunted."""

from tests.checks.mutation.mutants import PACKAGE

COVERED = (
    "trust/jws",
    "trust/claims",
    "trust/verifier",
    "policy/binding",
    "policy/candidates",
    "policy/methods",
    "policy/naming",
    "policy/segments",
    "policy/prefixes",
    "policy/wildcards",
    "policy/paths",
    "policy/published",
    "policy/requirements",
    "policy/rules",
    "policy/step_up",
    "policy/tree",
    "wire/credentials",
)
"""Modules whose mutants are killed, or listed with the reason."""

MODULES = (
    *COVERED,
    *(
        f"policy/{file.stem}"
        for file in sorted(PACKAGE.glob("policy/[a-z]*.py"))
        if f"policy/{file.stem}" not in COVERED
    ),
)
"""Those and the ones whose survivors nobody has gone through yet, which run when they are named."""
