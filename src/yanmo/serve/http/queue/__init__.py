"""From the texts of a request to logits: encoded as far as they are read, admitted by the pace, scored in batches."""
