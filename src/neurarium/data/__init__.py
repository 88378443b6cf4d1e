"""What a system learns from: sources, splits, batches on the device, augmentation, vocabularies, experience."""
