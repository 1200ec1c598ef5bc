"""A usual training for W&B: argparse, wandb.init, wandb.log. It contains nothing of this package."""

import argparse

import numpy as np
import wandb


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()

    wandb.init(project="two-moons", config=vars(args))
    config = wandb.config

    random = np.random.default_rng(0)
    angles, side = random.uniform(0, np.pi, 400), random.integers(0, 2, 400)
    x = np.stack([np.cos(angles) * (1 - 2 * side) + side, np.sin(angles) * (1 - 2 * side) + side / 2], axis=1)
    x += random.normal(0, 0.15, x.shape)
    features = np.concatenate([x, x**2, x**3, x[:, :1] * x[:, 1:], np.ones((len(x), 1))], axis=1)
    train, test = slice(0, 300), slice(300, 400)

    weights = np.zeros(features.shape[1])
    velocity = np.zeros_like(weights)
    for _ in range(config.epochs):
        chance = 1 / (1 + np.exp(-features[train] @ weights))
        gradient = features[train].T @ (chance - side[train]) / 300
        velocity = config.momentum * velocity - config.lr * gradient
        weights += velocity
        loss = -np.mean(np.log(np.where(side[train] == 1, chance, 1 - chance) + 1e-9))
        accuracy = np.mean((features[test] @ weights > 0) == side[test])
        wandb.log({"train/loss": loss, "eval/accuracy": accuracy})

    wandb.finish()


if __name__ == "__main__":
    main()
