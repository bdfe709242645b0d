"""What an operator does with auth: the command line, one module a command or group of commands."""
