"""The CRM over HTTP: one file a resource."""
