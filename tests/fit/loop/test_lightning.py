"""Regularizers in a loop of Lightning: manual optimization, with its own backward pass handed in."""

import copy

import pytest
import pytorch_lightning as lightning
import torch
from torch import nn
from torch.utils.data import DataLoader

from yanmo.regularize import fgm_backward, gradient_penalty_loss

RATE = 0.1


class Classifier(lightning.LightningModule):
    """Counts on one epoch of four batches."""

    def __init__(self, network, *, penalty):
        super().__init__()
        self.network, self.penalty = network, penalty
        self.automatic_optimization = False

    def loss(self, batch):
        ids, labels = batch
        return nn.functional.cross_entropy(self.network(ids), labels)

    def training_step(self, batch):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        if self.penalty:
            self.manual_backward(gradient_penalty_loss(lambda: self.loss(batch), self.parameters(), weight=0.1))
        else:
            table = self.network[0].weight
            fgm_backward(lambda: self.loss(batch), [table], epsilon=0.5, backward=self.manual_backward)
        optimizer.step()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=RATE)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:.*does not have many workers", "ignore:.*GPU available")
def test_a_lightning_module_descends_as_by_hand(tmp_path):
    torch.manual_seed(0)
    start = nn.Sequential(nn.Embedding(12, 8), nn.Flatten(), nn.Tanh(), nn.Linear(40, 3))
    data = [(torch.randint(12, (4, 5)), torch.randint(3, (4,))) for _ in range(4)]
    for penalty in (False, True):
        module = Classifier(copy.deepcopy(start), penalty=penalty)
        lightning.Trainer(
            max_epochs=1, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
        ).fit(module, DataLoader(data, batch_size=None))  # fmt: skip
        by_hand = copy.deepcopy(start)
        optimizer = torch.optim.SGD(by_hand.parameters(), lr=RATE)
        for ids, labels in data:
            optimizer.zero_grad()

            def loss(ids=ids, labels=labels, network=by_hand):
                return nn.functional.cross_entropy(network(ids), labels)

            if penalty:
                gradient_penalty_loss(loss, by_hand.parameters(), weight=0.1).backward()
            else:
                fgm_backward(loss, [by_hand[0].weight], epsilon=0.5)
            optimizer.step()
        for mine, theirs in zip(by_hand.parameters(), module.network.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
