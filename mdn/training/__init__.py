"""Lightning: modules, data, callbacks."""
