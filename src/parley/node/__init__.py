"""The composition root: configuration, drivers, wiring, commands; the only package that knows everybody."""
