"""Trains a small network to read handwritten digits: reports, saves checkpoints, continues, returns a score."""

import torch
from sklearn.datasets import load_digits
from torch.nn import functional


def train(run):
    settings = run.config["trainer"]
    images, labels, val_images, val_labels = split_digits()
    torch.manual_seed(run.seed)  # differs between runs, is equal for all attempts of a run
    model = build(settings["width"], settings["dropout"]).to(run.device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    if run.checkpoint:  # an earlier attempt was killed: continue from its last checkpoint
        saved = torch.load(run.checkpoint, map_location=run.device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
    accuracy = score(model, val_images.to(run.device), val_labels.to(run.device))
    for epoch in range(run.checkpoint_step + 1, settings["epochs"] + 1):
        torch.manual_seed(run.seed + epoch)  # so that a continued training has the same random numbers
        model.train()
        for batch in torch.randperm(len(images)).split(settings["batch_size"]):
            loss = functional.cross_entropy(model(images[batch].to(run.device)), labels[batch].to(run.device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracy = score(model, val_images.to(run.device), val_labels.to(run.device))
        run.report(epoch, accuracy=accuracy, loss=loss.item())
        if epoch % 5 == 0 or epoch == settings["epochs"]:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            run.save_checkpoint(epoch, lambda path, state=state: torch.save(state, path))
    return {"score": accuracy}


def build(width, dropout):
    return torch.nn.Sequential(
        torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Dropout(dropout), torch.nn.Linear(width, 10)
    )


@torch.no_grad()
def score(model, images, labels):
    """Return the share of images that are classified correctly."""
    model.eval()
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def split_digits():
    """Return images (n, 64) and labels (n,) for training and for validation, the same for every run."""
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    is_validation = torch.arange(len(labels)) % 4 == 0
    return images[~is_validation], labels[~is_validation], images[is_validation], labels[is_validation]
