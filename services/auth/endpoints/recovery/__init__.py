"""The pages by which people come in and get back in: an invitation, a new password."""
