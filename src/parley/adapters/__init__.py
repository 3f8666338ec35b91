"""The only input and output of the package: each folder or module fulfils ports by one technology."""
