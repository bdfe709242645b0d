"""Clients: who may ask for tokens, what each has registered, and how it proves who it is."""
