"""All outputs of the pipeline."""
