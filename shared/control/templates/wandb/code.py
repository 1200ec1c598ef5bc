"""Your script for Weights & Biases, unchanged: `sweepctl run NAME` starts it for each run, without an account."""

import argparse

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--steps", type=int, default=40)

run = wandb.init(config=vars(parser.parse_args()))  # in a sweep, wandb.config has the suggested values
settings = run.config

x = speed = 0.0  # <- your training; this one minimizes (x - 3)^2 by gradient descent with momentum
for _ in range(settings.steps):
    speed = settings.momentum * speed - settings.rate * 2 * (x - 3)
    x += speed
    run.log({"loss": (x - 3) ** 2})  # the last value of the sweep's `metric` is the score

run.finish()
