"""What the endpoints share and what is no endpoint itself: contexts, cookies, pages, errors, CORS, metadata."""
