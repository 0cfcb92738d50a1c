"""The documentation: the site builds, its words are those of the code, and its snippets run."""
