"""Makes a model that the OpenVINO engine draws from; no worker needs anything of it."""
