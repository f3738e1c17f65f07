"""What people and programs talk to: the command line with its verbs, the HTTP service, bulk prediction, the doctor."""
