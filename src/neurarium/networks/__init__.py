"""What a model is: one family of architectures per file, tensors in, tensors out."""
