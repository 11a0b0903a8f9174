"""How long a step takes: a few are made and timed, on the batches that training will see."""

import time

import numpy as np
import torch
from torch import nn

from heedful.schema import TrainSettings
from heedful.training.machine import set_up_gpu
from heedful.training.optimizer import optimizers
from heedful.training.work import Work

TRIED, UNCOUNTED = 8, 2  # steps, and the first of them, which are slower
PATIENCE = 2.0  # seconds: then fewer have to do


def seconds_per_step(work: Work, train: TrainSettings) -> float:
    """The median time of a step of `work`, in seconds. Its network has learnt a little then: build another to train."""
    set_up_gpu()
    network, device = work.network.to(train.device), torch.device(train.device)
    movers, plan = optimizers(network, train), work.plan(0)
    network.train()
    seconds = list[float]()
    for index in np.linspace(0, len(plan) - 1, TRIED).astype(int):
        if len(seconds) > UNCOUNTED and sum(seconds) > PATIENCE:
            break
        start = time.perf_counter()
        batch = work.collate(plan[int(index)])
        with torch.autocast(device.type, torch.bfloat16, enabled=train.precision == "bfloat16"):
            loss, _ = work.loss(network, batch.to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), train.clip or 1.0)
        for mover in movers:
            mover.step()
        network.zero_grad()
        loss.item()  # waits for a GPU
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[UNCOUNTED:])) * train.accumulate
