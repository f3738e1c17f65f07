"""GPT-2 with weights in 8 or 4 bits: quantizing, folders, layers, the kernels that multiply, the cache that grows."""

from ...errors import require_extra

for _package in ("torch", "transformers", "jaxtyping"):
    require_extra(_package, extra="generate")
