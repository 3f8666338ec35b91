"""The shared parts of every protocol, without I/O: machine, work, claims."""
