"""One file per kind of task: faults, expectations, labels, how they move with an augmentation, head, loss, metric.

A task is a frozen piece of configuration that knows what to do; `lepton.tasks.base` says what each kind must bring.
"""
