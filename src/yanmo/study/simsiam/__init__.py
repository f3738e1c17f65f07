"""Why SimSiam does not collapse: the flow of two parameters in closed form, and networks with parts taken away."""

from .study import run_simsiam

__all__ = ["run_simsiam"]
