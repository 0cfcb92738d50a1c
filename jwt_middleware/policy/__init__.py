"""A path meets its rules, and a caller their requirements. Knows no token."""
