"""How a matcher reads texts: declared steps around a tokenizer, which itself stays as it is."""
