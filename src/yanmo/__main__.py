"""``python -m yanmo`` is the command ``yanmo``."""

from .serve.cli import main

if __name__ == "__main__":
    main()
