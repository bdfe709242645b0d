"""Small programs of the repository's own; the Makefile runs them."""
