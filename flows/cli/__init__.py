"""The command line. The only room that prints; every command is a function from parsed arguments to an exit code."""
