"""Configuration by text: the table of options, the form of a rule, environment and ini."""
