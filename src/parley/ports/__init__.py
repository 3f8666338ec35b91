"""What the pure parts need from the world, as small protocol classes; `parley.adapters` fulfils them."""
