"""The verbs of the command line, one file each, with the tables they print."""
