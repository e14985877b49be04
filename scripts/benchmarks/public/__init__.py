"""Public sets, with the published protocol and the figures of rivals beside ours."""
