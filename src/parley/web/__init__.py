"""The node's own page: rendered on the server, readable without a script, nothing fetched from elsewhere."""

from parley.web.application import PAGES, pages

__all__ = ["PAGES", "pages"]
