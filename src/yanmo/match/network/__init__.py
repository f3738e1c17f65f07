"""The matcher's network: an encoder under task conditions with its head, and the stages that share its work."""
