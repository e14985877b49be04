"""Short command lines, and the one file that they leave."""

SMALL = ["trainer.max_epochs=2", "data.train_rows=64", "data.val_rows=32", "data.test_rows=64"]
FILE = ["data=file", "trainer.max_epochs=3", "model.num_components=2"]


def only(folder, pattern):
    (path,) = folder.glob(pattern)
    return path
