"""What the endpoints share and what is not an endpoint itself: contexts, cookies, pages, errors, CORS, metadata."""
