"""Back-channel logout: notices queued in the transaction that ends a session, delivered until they arrive."""
