"""One seed for every test that draws."""

import pytest


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
