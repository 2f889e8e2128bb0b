"""Batches to checkpoints: losses, the training step and the loop around it."""
