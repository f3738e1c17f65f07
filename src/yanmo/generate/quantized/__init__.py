"""GPT-2 with weights in 8 or 4 bits: quantizing, folders, layers, the kernels that multiply, the cache that grows."""
