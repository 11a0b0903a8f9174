"""One file a task: what goes in, what comes out, loss, score, baseline, how an answer is shown."""
