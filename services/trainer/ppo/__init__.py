"""The built-in trainable: proximal policy optimization on gymnasium's vector environments."""

from services.trainer.ppo.training import train_ppo

__all__ = ["train_ppo"]
