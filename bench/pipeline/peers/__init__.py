"""Programs that the peers' own interpreter runs; nothing here is imported by anything of ours."""
