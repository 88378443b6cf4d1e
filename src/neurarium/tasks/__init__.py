"""What a network learns: one objective per file, made of networks, losses and measures."""
