"""Orders over HTTP: one file a resource."""
