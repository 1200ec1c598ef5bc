"""The names of queues and tasks, as they are in messages."""

from __future__ import annotations

from shared.domain.run import EVAL_QUEUE

GPU, CPU, EVAL, RESULTS, SUGGEST = "gpu", "cpu", EVAL_QUEUE, "results", "suggest"
ALL_QUEUES = (GPU, CPU, EVAL, RESULTS, SUGGEST)
RUN_QUEUES = (GPU, CPU, EVAL)

TRAIN_RUN = "trainer.train_run"
EVALUATE_RUN = "evaluator.evaluate_run"
ADVANCE_SWEEP = "suggester.advance_sweep"
OBSERVE_RUN = "suggester.observe_run"
