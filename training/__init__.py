"""What train.py is made of: reading a table, choosing an estimator, evaluating it, describing it. Never deployed."""


class TrainingError(Exception):
    """The model cannot be trained from what was given; the message is one line that says why and what to do."""


class NotCompiledError(Exception):
    """No conversion is equal to the estimator; the message is one line that says why."""
