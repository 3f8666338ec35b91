"""The distributed message pool: short-lived signed records under key hierarchies, pulled as deep as asked."""
