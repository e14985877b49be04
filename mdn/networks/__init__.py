"""From rows of inputs to a mixture: units, backbones, head, stacked members."""
