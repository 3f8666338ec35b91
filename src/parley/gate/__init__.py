"""Work before an answer, for any web application: an ASGI middleware, and its counterpart for httpx."""
