"""How trainings go on: learning rates."""

from __future__ import annotations

import keras


def rate_schedule(highest: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises for 500 steps, or a tenth of them, and falls along a cosine."""
    warmup = max(1, min(500, steps // 10))
    return keras.optimizers.schedules.CosineDecay(
        highest / 50, max(1, steps - warmup), 0.005, warmup_target=highest, warmup_steps=warmup
    )
