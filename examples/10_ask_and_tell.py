"""Ask and tell: archrank says what to evaluate next, something else evaluates.

Shapes of a small language model (layers, and of each its heads, its feed-forward and whether it
keeps attention) under a limit of parameters. Here a few steps of training on Python's documentation
stand for what would be jobs of a cluster. Repeat the program to go on; archrank best, front and
report read its run.
"""

import torch
from torch import nn

import archrank as ar


class Block(nn.Module):
    """A layer of a decoder, with attention or without."""

    def __init__(self, width, heads, feed_forward, attention):
        super().__init__()
        self.attention = (
            nn.MultiheadAttention(width, heads, batch_first=True) if attention else None
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        hidden = feed_forward * width
        self.mix = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x):
        """Look back, then mix: ``(b, l, width)``."""
        if self.attention is not None:
            h = self.norms[0](x)
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
            x = x + self.attention(h, h, h, attn_mask=mask, is_causal=True, need_weights=False)[0]
        return x + self.mix(self.norms[1](x))


def build(config, task):
    """A decoder of characters."""
    width = config["width"]
    return nn.Sequential(
        nn.Embedding(task.vocabulary, width),
        *[Block(width, **layer) for layer in config["layers"]],
        nn.LayerNorm(width),
        nn.Linear(width, task.vocabulary),
    )


def loss(network, split):
    """Cross-entropy of the next character."""
    return nn.functional.cross_entropy(network(split.x).flatten(0, 1), split.y.flatten())


def train(config, task):
    """Loss on held-out text after 30 steps; a job of yours in its place takes hours."""
    torch.manual_seed(0)
    network, data = build(config, task), task.load()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(30):
        optimizer.zero_grad()
        loss(network, data.train.take(torch.randint(len(data.train.y), (32,)))).backward()
        optimizer.step()
    with torch.no_grad():
        return loss(network.eval(), data.valid.take(slice(64))).item()


layer = {"heads": [2, 4], "feed_forward": [1, 2, 4], "attention": ar.Bool()}
shapes = {"width": [16, 32, 48], "layers": ar.Repeat(layer, times=(1, 4))}
space = ar.spaces.from_choices(shapes, build=build, name="decoder")

if __name__ == "__main__":
    task = ar.tasks.topics(input_shape=(64,))
    evaluator = ar.evaluators.Combined(ar.evaluators.Told("valid_loss"), ar.evaluators.Cost(task))
    study = ar.Study(space, evaluator, constraints="params<=50e3", run="runs/decoder")
    while len(study.records) < 12:
        for asked in study.outstanding or study.ask(4):  # send them away
            study.tell(asked, {"valid_loss": train(asked.config, task)})  # when it comes back
    best = study.best
    print(f"{best.values['valid_loss']:.3f}  {best.values['params']:.0f} parameters  {best.string}")
