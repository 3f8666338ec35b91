"""The command line, made from the registry of commands: words, parameters, help and completion come from there."""
