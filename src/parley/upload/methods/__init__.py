"""The kinds of work that a ticket may ask for; one file each."""
