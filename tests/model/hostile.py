"""What tests of a stranger's checkpoints share."""

import pathlib

WITHIN_SECONDS = 10.0
"""So that a refusal is at once: what is refused late has done its work before."""

UNSAFE = {"_target_": "torch.load", "f": "evil.bin", "weights_only": False}


class Payload:
    """What an attacker would have unpickled: it makes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (self.marker,)
