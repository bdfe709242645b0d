"""Second factors. Today: TOTP. Owns their secrets' use; does not decide when one is demanded (`authorization` does)."""
