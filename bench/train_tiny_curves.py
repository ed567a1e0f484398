"""Train tiny byte-level language models under many LR schedules and log their loss curves.

The curves are real training runs: a GPT-style model on the Python standard library's own source,
AdamW, validation loss on a fixed held-out sample. Needs only torch and numpy (CPU).

    python train_tiny_curves.py OUT [--width 32 48 64] [--schedules cosine_4000 ...]

Writes OUT/<params>/<schedule>.csv with columns step, lr, loss (step 0-based, lr the rate of that
step, loss in nats per byte after it) and OUT/<params>/<schedule>.json with the schedule, model size
and optimiser settings.
"""

import argparse
import hashlib
import json
import math
import pathlib
import sysconfig

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CONTEXT, BATCH, PEAK, WARMUP, LOG_EVERY = 64, 16, 3e-3, 200, 25
LAYERS = {32: 2, 48: 2, 64: 3}


def ramp(i):
    return PEAK * min(1.0, (i + 1) / WARMUP)


def cosine(i, total, floor=0.1):
    x = min(1.0, max(0.0, (i - WARMUP) / (total - 1 - WARMUP)))
    return PEAK * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * x)))


def decay(i, start, total):
    """Share of the decay done at step i: 0 before `start`, 1 at the last step."""
    return min(1.0, max(0.0, (i - start) / (total - 1 - start)))


SCHEDULES = {
    "constant_4000": (4000, lambda i: PEAK),
    "cosine_4000": (4000, lambda i: cosine(i, 4000)),
    "wsd_4000": (4000, lambda i: PEAK * (1 - 0.99 * decay(i, 3200, 4000))),
    "wsdexp_4000": (4000, lambda i: PEAK * 0.05 ** decay(i, 3200, 4000)),
    "twostage_4000": (4000, lambda i: PEAK if i < 2400 else 0.2 * PEAK),
    "cyclic_4000": (4000, lambda i: cosine((i - WARMUP) % 1900 + WARMUP, 2100)),
    "linear_4000": (4000, lambda i: PEAK * (1 - decay(i, WARMUP, 4000) * 0.99)),
    "cosine_8000": (8000, lambda i: cosine(i, 8000)),
}


def corpus():
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    files = sorted(p for p in root.rglob("*.py") if "site-packages" not in p.parts)

    # every 20th file is held out for validation
    def part(keep):
        return np.frombuffer(
            b"".join(p.read_bytes() for k, p in enumerate(files) if keep(k)), dtype=np.uint8
        ).astype(np.int64)

    return torch.from_numpy(part(lambda k: k % 20)), torch.from_numpy(part(lambda k: k % 20 == 0))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2, self.heads = nn.LayerNorm(width), nn.LayerNorm(width), heads
        self.qkv, self.out = (
            nn.Linear(width, 3 * width, bias=False),
            nn.Linear(width, width, bias=False),
        )
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = (
            self.qkv(self.norm1(x))
            .view(b, t, 3, self.heads, w // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, w))
        return x + self.mlp(self.norm2(x))


class Model(nn.Module):
    def __init__(self, width, layers, heads=4):
        super().__init__()
        self.embed, self.position = nn.Embedding(256, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.position.weight, std=0.02)

    def forward(self, x):
        h = self.embed(x) + self.position(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.norm(h) @ self.embed.weight.T


def windows(data, count, generator):
    at = torch.randint(len(data) - CONTEXT - 1, (count,), generator=generator)
    return data[at[:, None] + torch.arange(CONTEXT + 1)]


def nats(model, batch):
    logits = model(batch[:, :-1])
    return functional.cross_entropy(logits.reshape(-1, 256), batch[:, 1:].reshape(-1))


def train(width, name, out):
    total, lr_at = SCHEDULES[name]
    torch.manual_seed(0)
    model = Model(width, LAYERS[width])
    params = sum(p.numel() for p in model.blocks.parameters())
    folder = out / str(params)
    folder.mkdir(parents=True, exist_ok=True)
    data, held_out = corpus()
    draw = torch.Generator().manual_seed(1)
    check = windows(held_out, 512, torch.Generator().manual_seed(2)).split(64)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    rows = []
    for step in range(total):
        lr = ramp(step) if step < WARMUP else lr_at(step)
        for group in optimizer.param_groups:
            group["lr"] = lr
        loss = nats(model, windows(data, BATCH, draw))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % LOG_EVERY == 0:
            with torch.no_grad():
                rows.append((step, lr, float(np.mean([nats(model, c).item() for c in check]))))
    with (folder / f"{name}.csv").open("w") as file:
        file.write("step,lr,loss\n")
        file.writelines(f"{s},{lr:.9g},{y:.6f}\n" for s, lr, y in rows)
    meta = {
        "schedule": name,
        "steps": total,
        "warmup": WARMUP,
        "peak_lr": PEAK,
        "params": params,
        "width": width,
        "layers": LAYERS[width],
        "batch": BATCH,
        "context": CONTEXT,
        "tokens_per_step": BATCH * CONTEXT,
        "optimizer": "AdamW(0.9, 0.95), weight decay 0.1, clip 1.0",
        "seed": 0,
        "torch": torch.__version__,
        "corpus": "Python standard library source, bytes",
        "corpus_sha256": hashlib.sha256(data.numpy().tobytes()).hexdigest(),
    }
    (folder / f"{name}.json").write_text(json.dumps(meta, indent=1) + "\n")
    print(params, name, rows[-1], flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--width", type=int, nargs="+", default=list(LAYERS))
    parser.add_argument("--schedules", nargs="+", default=list(SCHEDULES))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for w in args.width:
        for s in args.schedules:
            train(w, s, args.out)
