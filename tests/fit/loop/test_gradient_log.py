import pytest
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainingArguments

from yanmo.fit.loop.gradient_log import GradientLog


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 1)])
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x, labels):
        y = self.blocks[1](torch.tanh(self.blocks[0](x))).squeeze(-1) + self.bias
        return {"loss": (y - labels).square().mean()}


class _Rows(Dataset):
    def __init__(self):
        self.x, self.y = torch.randn(8, 3), torch.randn(8)

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return {"x": self.x[i], "labels": self.y[i]}


@pytest.mark.parametrize(
    ("optimizer", "is_read", "is_told"),
    [(torch.optim.SGD, True, False), (torch.optim.AdamW, True, True), (torch.optim.AdamW, False, False)],
)
def test_readings_are_those_of_the_gradient_before_it_was_clipped(tmp_path, optimizer, is_read, is_told):
    model, rows, rate = _Model(), _Rows(), 0.2
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        max_steps=1,
        logging_steps=1,
        learning_rate=rate,
        max_grad_norm=1e-3,
        lr_scheduler_type="constant",
        report_to=["tensorboard"],
        disable_tqdm=True,
        use_cpu=True,
    )
    loss = model(rows.x, rows.y)["loss"]
    by_hand = torch.autograd.grad(loss, list(model.parameters()))
    expected = {name: g for (name, _), g in zip(model.named_parameters(), by_hand, strict=True)}
    trainer = Trainer(
        model=model, args=arguments, train_dataset=rows, optimizers=(optimizer(model.parameters(), lr=rate), None)
    )
    trainer.remove_callback(PrinterCallback)
    said = []
    trainer.add_callback(GradientLog(trainer, regularized=None, is_read=is_read, say=said.append))
    trainer.train()
    (entry,) = [entry for entry in trainer.state.log_history if "implicit_regularization" in entry]
    squares = {name: g.square().sum().item() for name, g in expected.items()}
    assert sum(squares.values()) ** 0.5 > 1e-2
    assert entry["implicit_regularization"] == pytest.approx(rate / 4 * sum(squares.values()), rel=1e-3)
    for i in (0, 1):
        block = squares[f"blocks.{i}.weight"] + squares[f"blocks.{i}.bias"]
        assert entry[f"gradient_norm/blocks.{i}"] == pytest.approx(block**0.5, rel=1e-3)
    assert entry["gradient_norm/bias"] == pytest.approx(squares["bias"] ** 0.5, rel=1e-3)
    # What the reading does not mean is told where it is read, and where it means something else.
    assert len(said) == is_told
    assert not is_told or ("定理不适用" in said[0] and "AdamW does not step" in said[0])
