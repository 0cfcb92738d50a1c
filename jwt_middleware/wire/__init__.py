"""HTTP in and out: where a token is looked for, and what is answered. Knows no key and no rule."""
