"""Schedulers of diffusers in numpy: the steps from noise to a picture."""
