"""The only ways out of the pipeline."""
