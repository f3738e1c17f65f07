"""The task table, the files pairs come from, the decisions kept with a model, and the network that scores pairs."""
