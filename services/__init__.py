"""The three services of the suite. They never import each other: they talk HTTP."""
