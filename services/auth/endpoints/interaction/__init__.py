"""The pages of a sign-in, one step a file. Each step returns to /authorize, never to another step."""
